# SegEarth-OV (CVPR 2025): self-self attentions, no residual, the class token
# taken away, upsampling with SimFeatUp. Without its weights: --cfg-options
# model.upsampler=None
clip_model = 'ViT-B-16-quickgelu'  # OpenAI's weights want QuickGELU
clip_weights = dict(type='CLIPPretrained', checkpoint='openai')

model = dict(
    type='TrainingFreeSegmentor',
    backbone=dict(
        type='DenseCLIP',
        model=clip_model,
        attention='segearth',
        residual=False,
        init_cfg=clip_weights,
    ),
    text_encoder=dict(
        type='OpenCLIPTextEncoder',
        model=clip_model,
        templates='imagenet',
        init_cfg=clip_weights,
    ),
    upsampler=dict(
        type='JBUUpsampler',
        kind='jbu_one',
        init_cfg=dict(
            type='JBUPretrained',
            checkpoint='weights/xclip_jbu_one_million_aid.ckpt',
        ),
    ),
    global_bias=-0.3,
    logit_scale=50,
    test_cfg=dict(mode='slide', crop_size=(224, 224), stride=(112, 112)),
)
