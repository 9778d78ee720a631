# CAT-Seg: OVRS without rotations and without attention.
_base_ = './ovrs_world.py'

model = dict(backbone=dict(rotations=(0,)), decode_head=dict(attention=False))
