# All parts of AerOSeg at a size that a CPU trains in seconds, with random
# weights: to try things out, not to score.
clip_model = dict(
    embed_dim=32,
    vision_cfg=dict(
        image_size=64, patch_size=16, width=64, layers=3, head_width=32
    ),
    text_cfg=dict(width=32, heads=2, layers=2),
)

model = dict(
    type='AerOSeg',
    data_preprocessor=dict(type='RGBDataPreProcessor'),
    backbone=dict(type='RotatedCLIP', model=clip_model),
    text_encoder=dict(type='OpenCLIPTextEncoder', model=clip_model),
    guidance_encoder=dict(
        type='SAMGuidance',
        arch=dict(
            embed_dim=32, depth=3, num_heads=2, global_attn_indexes=(2,)
        ),
        out_blocks=(1, 2, 3),
    ),
    neck=dict(
        type='CorrelationNeck',
        embed_dims=32,
        guidance_dims=16,
        text_dims=16,
        num_heads=2,
        window_size=4,
    ),
    decode_head=dict(
        type='AttentionUpsampleHead',
        guidance_dims=(8, 8),
        stage_channels=(16, 16),
    ),
    auxiliary_head=dict(type='BackProjectionHead', hidden_channels=32),
    test_cfg=dict(mode='whole'),
)
