# SAN on the world's CLIP, which sees the scene at half its size.
_base_ = [
    '../_base_/world_model.py',
    '../_base_/world_data.py',
    '../../_base_/schedules/adamw_cosine.py',
    '../../_base_/default_runtime.py',
]

max_iters = 400
model = dict(
    _delete_=True,
    type='SAN',
    vocabulary=_base_.vocabulary,
    backbone=dict(
        type='SplitCLIP',
        model=_base_.clip_model,
        stride=16,
        init_cfg=_base_.clip_weights,
    ),
    text_encoder=dict(
        type='OpenCLIPTextEncoder',
        model=_base_.clip_model,
        templates='aeroseg',  # the world's CLIP has learned these
        trainable='none',
        init_cfg=_base_.clip_weights,
    ),
    decode_head=dict(
        type='SideAdapterHead',
        num_queries=32,
        embed_dims=96,
        num_layers=4,
        num_heads=4,
        mask_dims=64,
        supervised=(3,),
        num_points=1024,
    ),
    logit_scale=13.6,  # of the world's CLIP
)
optim_wrapper = dict(optimizer=dict(lr=1e-3), clip_grad=dict(max_norm=1.0))
train_cfg = dict(max_iters=max_iters, val_interval=max_iters)
param_scheduler = dict(T_max=max_iters)
default_hooks = dict(
    logger=dict(interval=25), checkpoint=dict(interval=max_iters)
)
