# SED on a small convolutional CLIP. As published it sees images enlarged (256
# to 768 px): here twice, so that it has 16 x 16 cells like the others.
_base_ = [
    '../_base_/world_convnext.py',
    '../_base_/world_data.py',
    '../../_base_/schedules/sed_80k.py',
    '../../_base_/default_runtime.py',
]

max_iters = 400
model = dict(
    type='SED',
    data_preprocessor=dict(type='RGBDataPreProcessor'),
    vocabulary=_base_.vocabulary,
    backbone=dict(
        type='ConvNeXtCLIP',
        model=_base_.clip_model,
        input_size=(512, 512),
        trainable='all',
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
        type='GradualFusionHead',
        embed_dims=32,
        stage_channels=(32, 16, 16),
        guidance_dims=(16, 16, 8),
        num_heads=4,
    ),
    test_cfg=dict(mode='whole'),
)
optim_wrapper = dict(optimizer=dict(lr=2e-3), clip_grad=dict(max_norm=1.0))
train_cfg = dict(max_iters=max_iters, val_interval=max_iters)
param_scheduler = dict(T_max=max_iters)
default_hooks = dict(
    logger=dict(interval=25), checkpoint=dict(interval=max_iters)
)
