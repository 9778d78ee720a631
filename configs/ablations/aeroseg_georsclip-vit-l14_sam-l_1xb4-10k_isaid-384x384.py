# Table 7: GeoRSCLIP ViT-L/14, RS5M_ViT-L-14.pt of
# https://huggingface.co/Zilun/GeoRSCLIP (folder ckpt). It was trained at
# 224 px, from OpenAI's weights, hence QuickGELU.
_base_ = '../aeroseg/aeroseg_vit-b16_sam-l_1xb4-10k_isaid-384x384.py'

clip_model = 'ViT-L-14-quickgelu'
clip_weights = dict(checkpoint='checkpoints/RS5M_ViT-L-14.pt')
model = dict(
    backbone=dict(model=clip_model, init_cfg=clip_weights),
    text_encoder=dict(model=clip_model, init_cfg=clip_weights),
)
