# The length at which CAT-Seg and OVRS publish their numbers
# (configs/config.yaml of their code).
_base_ = './adamw_cosine.py'

max_iters = 80000
train_cfg = dict(max_iters=max_iters)
param_scheduler = dict(T_max=max_iters)
