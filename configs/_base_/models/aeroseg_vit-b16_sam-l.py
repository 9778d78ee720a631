# AerOSeg as in the paper: CLIP ViT-B/16 seen from four rotations, SAM ViT-L.
# Choices that the paper leaves open are the defaults of the parts, with
# their reasons in the docstrings; docs/protocol.md lists them.
clip_model = 'ViT-B-16-quickgelu'  # OpenAI's weights need QuickGELU
clip_weights = dict(type='CLIPPretrained', checkpoint='openai')

model = dict(
    type='AerOSeg',
    data_preprocessor=dict(type='RGBDataPreProcessor'),
    backbone=dict(
        type='RotatedCLIP',
        model=clip_model,
        rotations=(0, 90, 180, 270),
        init_cfg=clip_weights,
    ),
    text_encoder=dict(
        type='OpenCLIPTextEncoder',
        model=clip_model,
        templates='aeroseg',
        init_cfg=clip_weights,
    ),
    guidance_encoder=dict(
        type='SAMGuidance',
        arch='vit_l',
        out_blocks=(8, 16, 24),  # section 3.1: the 8th, 16th and final layer
        init_cfg=dict(type='SAMPretrained', checkpoint='vit_l'),
    ),
    neck=dict(type='CorrelationNeck'),
    decode_head=dict(type='AttentionUpsampleHead'),
    auxiliary_head=dict(type='BackProjectionHead'),
    test_cfg=dict(mode='whole'),
)
