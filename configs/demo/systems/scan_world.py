# SCAN on the world's CLIP, with a Swin that starts from random weights.
_base_ = [
    '../_base_/world_model.py',
    '../_base_/world_data.py',
    '../../_base_/schedules/adamw_cosine.py',
    '../../_base_/default_runtime.py',
]

max_iters = 400
block_clip = dict(
    type='BlockCLIP', model=_base_.clip_model, init_cfg=_base_.clip_weights
)
model = dict(
    _delete_=True,
    type='SCAN',
    vocabulary=_base_.vocabulary,
    data_preprocessor=dict(type='RGBDataPreProcessor'),
    backbone=dict(
        type='SwinTransformer',
        pretrain_img_size=256,
        embed_dims=32,
        depths=(2, 2, 2, 2),
        num_heads=(2, 4, 8, 8),
        window_size=4,
        drop_path_rate=0.0,
    ),
    neck=dict(
        type='DeformablePixelDecoder',
        in_channels=(32, 64, 128, 256),
        embed_dims=64,
        mask_dims=64,
        num_layers=2,
        num_heads=4,
        hidden_dims=128,
        num_groups=8,
    ),
    decode_head=dict(
        type='MaskedAttentionHead',
        num_queries=32,
        num_layers=3,
        num_heads=4,
        hidden_dims=128,
        feature_hidden_dims=128,
        num_points=1024,
    ),
    integration=dict(
        type='SemanticIntegration',
        num_cross=2,
        num_layers=2,
        num_heads=4,
        hidden_dims=256,
    ),
    clip=block_clip,
    crop_clip=block_clip,
    text_encoder=dict(
        type='OpenCLIPTextEncoder',
        model=_base_.clip_model,
        templates='aeroseg',  # the world's CLIP has learned these
        trainable='none',
        init_cfg=_base_.clip_weights,
    ),
    logit_scale=13.6,  # of the world's CLIP
    test_cfg=dict(mode='whole'),
)
optim_wrapper = dict(
    optimizer=dict(lr=1e-3), clip_grad=dict(max_norm=1.0), paramwise_cfg=None
)
train_cfg = dict(max_iters=max_iters, val_interval=max_iters)
param_scheduler = dict(T_max=max_iters)
default_hooks = dict(
    logger=dict(interval=25), checkpoint=dict(interval=max_iters)
)
