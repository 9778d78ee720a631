# AerOSeg with the upright view alone.
_base_ = './aeroseg_world.py'

model = dict(backbone=dict(rotations=(0,)))
