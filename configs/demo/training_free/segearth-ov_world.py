# SegEarth-OV (CVPR 2025) without its upsampling.
_base_ = '../_base_/training_free_world.py'

model = dict(backbone=dict(attention='segearth'), global_bias=-0.3)
