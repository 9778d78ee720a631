# ClearCLIP (ECCV 2024): query-query attention alone, no residual.
_base_ = './segearth-ov.py'

model = dict(
    backbone=dict(attention='clearclip'), upsampler=None, global_bias=0
)
