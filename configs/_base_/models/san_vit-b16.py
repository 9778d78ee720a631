# SAN (CVPR 2023). CLIP sees the image at half its size, the side network at
# its full size.
clip_model = 'ViT-B-16-quickgelu'
clip_weights = dict(type='CLIPPretrained', checkpoint='openai')

model = dict(
    type='SAN',
    # Grey where an image is smaller than the crop, as in the published code.
    data_preprocessor=dict(type='RGBDataPreProcessor', size=(640, 640)),
    backbone=dict(
        type='SplitCLIP', model=clip_model, stride=32, init_cfg=clip_weights
    ),
    text_encoder=dict(
        type='OpenCLIPTextEncoder',
        model=clip_model,
        templates='vild',
        trainable='none',
        init_cfg=clip_weights,
    ),
    decode_head=dict(type='SideAdapterHead'),
    test_cfg=dict(mode='whole'),
)
