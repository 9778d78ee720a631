# Plain dense CLIP: the last block as it is.
_base_ = './clearclip.py'

model = dict(backbone=dict(attention='vanilla', residual=True))
