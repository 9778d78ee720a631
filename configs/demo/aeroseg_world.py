_base_ = [
    './_base_/world_model.py',
    './_base_/world_data.py',
    '../_base_/schedules/adamw_cosine.py',
    '../_base_/default_runtime.py',
]

max_iters = 400
model = dict(vocabulary=_base_.vocabulary)
# A twenty-fifth of the paper's steps, so each is longer.
optim_wrapper = dict(optimizer=dict(lr=2e-3), clip_grad=dict(max_norm=1.0))
train_cfg = dict(max_iters=max_iters, val_interval=max_iters)
param_scheduler = dict(T_max=max_iters)
default_hooks = dict(
    logger=dict(interval=25), checkpoint=dict(interval=max_iters)
)
