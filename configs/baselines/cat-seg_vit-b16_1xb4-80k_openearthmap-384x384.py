# Table 2, CAT-Seg: OVRS without rotations and without attention.
_base_ = './ovrs_vit-b16_1xb4-80k_openearthmap-384x384.py'

model = dict(backbone=dict(rotations=(0,)), decode_head=dict(attention=False))
