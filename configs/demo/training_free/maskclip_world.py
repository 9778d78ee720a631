# MaskCLIP (ECCV 2022), with residual and perceptron as in its code.
_base_ = '../_base_/training_free_world.py'

model = dict(backbone=dict(attention='maskclip', residual=True))
