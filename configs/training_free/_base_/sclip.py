# SCLIP (ECCV 2024): query-query and key-key attention, with residual.
_base_ = './clearclip.py'

model = dict(backbone=dict(attention='sclip', residual=True), logit_scale=40)
