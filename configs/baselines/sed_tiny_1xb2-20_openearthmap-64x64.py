# Twenty steps of a tiny SED with random weights: does everything run?
_base_ = [
    '../_base_/models/sed_tiny.py',
    '../_base_/datasets/openearthmap_64.py',
    '../_base_/schedules/sed_80k.py',
    '../_base_/default_runtime.py',
]

max_iters = 20
default_hooks = dict(
    logger=dict(interval=5), checkpoint=dict(interval=max_iters // 2)
)
train_cfg = dict(max_iters=max_iters, val_interval=max_iters)
param_scheduler = dict(T_max=max_iters)
