_base_ = [
    '../_base_/models/aeroseg_vit-b16_sam-l.py',
    '../_base_/datasets/dlrsd.py',
    '../_base_/schedules/adamw_cosine.py',
    '../_base_/default_runtime.py',
]

max_iters = 5000  # section 4.2 of the paper
model = dict(vocabulary=_base_.vocabulary)
train_cfg = dict(max_iters=max_iters)
param_scheduler = dict(T_max=max_iters)
