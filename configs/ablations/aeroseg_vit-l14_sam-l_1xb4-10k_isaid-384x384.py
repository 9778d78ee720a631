# Table 7: CLIP ViT-L/14. On 384 px it sees 336 px, the size it was made for,
# and its grid of 24 x 24 is SAM's.
_base_ = '../aeroseg/aeroseg_vit-b16_sam-l_1xb4-10k_isaid-384x384.py'

clip_model = 'ViT-L-14-336-quickgelu'
model = dict(
    backbone=dict(model=clip_model), text_encoder=dict(model=clip_model)
)
