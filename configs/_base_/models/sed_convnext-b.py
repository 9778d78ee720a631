# SED (CVPR 2024) with ConvNeXt-B, equal to the published network
# (tests/test_golden_sed.py). The large model: clip_model convnext_large_d_320,
# checkpoint laion2b_s29b_b131k_ft_soup, drop_path and dropout 0.1.
clip_model = 'convnext_base_w_320'
clip_weights = dict(
    type='CLIPPretrained', checkpoint='laion_aesthetic_s13b_b82k'
)

model = dict(
    type='SED',
    data_preprocessor=dict(type='RGBDataPreProcessor'),
    backbone=dict(
        type='ConvNeXtCLIP',
        model=clip_model,
        input_size=(768, 768),
        trainable='all',
        init_cfg=clip_weights,
    ),
    text_encoder=dict(
        type='OpenCLIPTextEncoder',
        model=clip_model,
        templates='imagenet',
        trainable='none',
        init_cfg=clip_weights,
    ),
    # Early rejection: rejection_k=8 in the published fast results; at 8 to 17
    # classes it saves little.
    decode_head=dict(type='GradualFusionHead', rejection_k=0),
    test_cfg=dict(mode='whole'),
)
