# SCLIP (ECCV 2024).
_base_ = '../_base_/training_free_world.py'

model = dict(backbone=dict(attention='sclip', residual=True), logit_scale=40)
