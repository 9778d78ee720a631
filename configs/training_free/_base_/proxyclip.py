# ProxyCLIP (ECCV 2024): CLIP's values, averaged by the likeness of DINO's
# features, in windows of 336 px.
_base_ = './clearclip.py'

model = dict(
    backbone=dict(attention='proxy'),
    proxy_encoder=dict(
        type='DINOGuidance',
        model='vit_base_patch8_224.dino',
        init_cfg=dict(
            type='DINOPretrained', checkpoint='vit_base_patch8_224.dino'
        ),
    ),
    logit_scale=40,
    test_cfg=dict(mode='slide', crop_size=(336, 336), stride=(112, 112)),
)
