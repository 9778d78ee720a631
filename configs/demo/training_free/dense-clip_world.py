# Plain dense CLIP.
_base_ = '../_base_/training_free_world.py'

model = dict(backbone=dict(attention='vanilla', residual=True))
