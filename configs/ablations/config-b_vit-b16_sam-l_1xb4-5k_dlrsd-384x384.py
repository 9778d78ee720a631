# Table 3, Config-B: the full model with one generic prompt.
_base_ = '../aeroseg/aeroseg_vit-b16_sam-l_1xb4-5k_dlrsd-384x384.py'

model = dict(text_encoder=dict(templates='generic'))
