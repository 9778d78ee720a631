# SCAN (CVPR 2024), written from facts about it. The weights of the second
# training stage go into model.crop_clip.init_cfg.checkpoint; without them it
# is the CLIP of the first stage.
clip_model = 'ViT-B-16'
clip_weights = dict(type='CLIPPretrained', checkpoint='datacomp_xl_s13b_b90k')
block_clip = dict(type='BlockCLIP', model=clip_model, init_cfg=clip_weights)
# Swin-B of ImageNet-22k, as mmseg's Mask2Former configs name it.
swin_weights = (
    'https://mmassets.onedl.ai/mmsegmentation/v0.5/pretrain/swin/'
    'swin_base_patch4_window12_384_22k_20220317-e5c09f74.pth'
)

model = dict(
    type='SCAN',
    # Grey where an image is smaller than the crop, as published.
    data_preprocessor=dict(type='RGBDataPreProcessor', size=(640, 640)),
    backbone=dict(
        type='SwinTransformer',
        pretrain_img_size=384,
        embed_dims=128,
        depths=(2, 2, 18, 2),
        num_heads=(4, 8, 16, 32),
        window_size=12,
        drop_path_rate=0.3,
        init_cfg=dict(type='Pretrained', checkpoint=swin_weights),
    ),
    neck=dict(
        type='DeformablePixelDecoder', in_channels=(128, 256, 512, 1024)
    ),
    decode_head=dict(type='MaskedAttentionHead'),
    integration=dict(type='SemanticIntegration'),
    clip=block_clip,
    crop_clip=block_clip,
    # As published by default; the published results tuned them per test set.
    crop_weight=0.7,
    mask_threshold=0.4,
    shift_ratio=0.15,
    text_encoder=dict(
        type='OpenCLIPTextEncoder',
        model=clip_model,
        templates='vild',
        trainable='none',
        init_cfg=clip_weights,
    ),
    test_cfg=dict(mode='whole'),
)
