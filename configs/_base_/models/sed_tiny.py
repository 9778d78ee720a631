# All parts of SED at a size that a CPU trains in seconds, with random
# weights: to try things out, not to score.
clip_model = dict(
    embed_dim=32,
    vision_cfg=dict(
        timm_model_name='test_convnext', timm_pool='', timm_proj='linear'
    ),
    text_cfg=dict(width=32, heads=2, layers=2),
)

model = dict(
    type='SED',
    data_preprocessor=dict(type='RGBDataPreProcessor'),
    backbone=dict(type='ConvNeXtCLIP', model=clip_model, input_size=(64, 64)),
    text_encoder=dict(
        type='OpenCLIPTextEncoder',
        model=clip_model,
        templates='aeroseg',
        trainable='none',
    ),
    decode_head=dict(
        type='GradualFusionHead',
        embed_dims=32,
        stage_channels=(32, 16, 16),
        guidance_dims=(8, 8, 4),
        num_heads=2,
    ),
    test_cfg=dict(mode='whole'),
)
