# Table 7: SkyCLIP ViT-L/14, the file in SkyCLIP_ViT_L14_top30pct.zip of
# https://github.com/wangzhecheng/SkyScript ("Download model checkpoints").
# The paper does not say which of the releases it took. It was trained from
# OpenAI's weights at 224 px, hence QuickGELU.
_base_ = './aeroseg_georsclip-vit-l14_sam-l_1xb4-10k_isaid-384x384.py'

clip_weights = dict(checkpoint='checkpoints/SkyCLIP_ViT_L14_top30pct.pt')
model = dict(
    backbone=dict(init_cfg=clip_weights),
    text_encoder=dict(init_cfg=clip_weights),
)
