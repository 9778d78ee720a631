# Twenty steps of a tiny model with random weights: does everything run?
_base_ = [
    '../_base_/models/aeroseg_tiny.py',
    '../_base_/datasets/openearthmap_64.py',
    '../_base_/schedules/adamw_cosine.py',
    '../_base_/default_runtime.py',
]

max_iters = 20
model = dict(vocabulary=_base_.vocabulary)
default_hooks = dict(
    logger=dict(interval=5), checkpoint=dict(interval=max_iters // 2)
)
train_cfg = dict(max_iters=max_iters, val_interval=max_iters)
param_scheduler = dict(T_max=max_iters)
