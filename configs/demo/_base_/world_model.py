# AerOSeg at a size that two CPU cores train in minutes, on encoders that
# studies/pretrain_world.py trained. CLIP sees 128 px (patch 8), SAM 256 px
# (patch 16): both have a grid of 16 x 16.
clip_model = dict(
    embed_dim=128,
    vision_cfg=dict(
        image_size=128, patch_size=8, width=160, layers=4, head_width=40
    ),
    text_cfg=dict(context_length=32, width=128, heads=4, layers=3),
)
clip_weights = dict(
    type='CLIPPretrained',
    checkpoint='{{ fileDirname }}/../weights/world_clip.safetensors',
)

sam_encoder = dict(
    type='SAMGuidance',
    arch=dict(
        embed_dim=128,
        depth=6,
        num_heads=4,
        img_size=256,
        patch_size=16,
        out_chans=64,
        window_size=8,
        global_attn_indexes=(2, 5),
    ),
    out_blocks=(2, 4, 6),
    last='neck',
    init_cfg=dict(
        type='SAMPretrained',
        checkpoint='{{ fileDirname }}/../weights/world_sam.safetensors',
    ),
)

model = dict(
    type='AerOSeg',
    data_preprocessor=dict(type='RGBDataPreProcessor'),
    backbone=dict(
        type='RotatedCLIP',
        model=clip_model,
        rotations=(0, 90, 180, 270),
        trainable='none',
        init_cfg=clip_weights,
    ),
    text_encoder=dict(
        type='OpenCLIPTextEncoder',
        model=clip_model,
        templates='aeroseg',
        trainable='none',
        init_cfg=clip_weights,
    ),
    guidance_encoder=sam_encoder,
    neck=dict(
        type='CorrelationNeck',
        embed_dims=32,
        guidance_dims=32,
        text_dims=32,
        window_size=8,
        pool_test=2,  # as in training; the grid is small
    ),
    decode_head=dict(
        type='AttentionUpsampleHead',
        guidance_dims=(16, 8),
        # A cell is 16 px here and holds outlines that the encoder knows; a
        # copy of the cell's feature (eq. 10) cannot say where in it they are.
        guidance_upsample='deconv',
        deconv_channels=(32, 16),
        stage_channels=(32, 16),
    ),
    auxiliary_head=dict(type='BackProjectionHead', hidden_channels=256),
    test_cfg=dict(mode='whole'),
)
