# SegFormer-B0 in the generated world, from random weights: trained on the
# seen classes, scored on all.
_base_ = [
    'mmseg::_base_/models/segformer_mit-b0.py',
    '../_base_/world_data.py',
    '../../_base_/schedules/adamw_cosine.py',
    '../../_base_/default_runtime.py',
]

max_iters = 400
model = dict(
    data_preprocessor=dict(size=(256, 256)),
    decode_head=dict(num_classes=19, loss_decode=dict(avg_non_ignore=True)),
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
