# MaskCLIP (ECCV 2022): each token takes its own value; residual and perceptron
# as in its code. Without them: --cfg-options model.backbone.residual=False
_base_ = './clearclip.py'

model = dict(backbone=dict(attention='maskclip', residual=True))
