# ProxyCLIP (ECCV 2024), with the world's SAM in place of DINO.
_base_ = '../_base_/training_free_world.py'

model = dict(
    backbone=dict(attention='proxy'),
    proxy_encoder=_base_.sam_encoder,
    logit_scale=40,
)
