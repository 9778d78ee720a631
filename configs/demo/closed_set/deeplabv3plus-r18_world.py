# DeepLabV3+ with ResNet-18 in the generated world, from random weights.
_base_ = [
    'mmseg::_base_/models/deeplabv3plus_r50-d8.py',
    '../_base_/world_data.py',
    '../../_base_/schedules/adamw_cosine.py',
    '../../_base_/default_runtime.py',
]

max_iters = 400
model = dict(
    data_preprocessor=dict(size=(256, 256)),
    pretrained=None,
    # A sixteenth of the size, not an eighth: four times as fast.
    backbone=dict(depth=18, strides=(1, 2, 2, 1), dilations=(1, 1, 1, 2)),
    # As mmseg's deeplabv3plus_r18-d8 configs.
    decode_head=dict(
        in_channels=512,
        channels=128,
        c1_in_channels=64,
        c1_channels=12,
        num_classes=19,
        loss_decode=dict(avg_non_ignore=True),
    ),
    auxiliary_head=dict(
        in_channels=256,
        channels=64,
        num_classes=19,
        loss_decode=dict(avg_non_ignore=True),
    ),
)
train_dataloader = dict(dataset=dict(classes='all', labels='seen'))
optim_wrapper = dict(
    optimizer=dict(lr=1e-3), clip_grad=dict(max_norm=1.0), paramwise_cfg=None
)
train_cfg = dict(max_iters=max_iters, val_interval=max_iters)
param_scheduler = dict(T_max=max_iters)
default_hooks = dict(
    logger=dict(interval=25), checkpoint=dict(interval=max_iters)
)
