# Table 3, Baseline: Config-A guided by CLIP's own maps instead of SAM's.
_base_ = './config-a_vit-b16_sam-l_1xb4-5k_dlrsd-384x384.py'

model = dict(
    backbone=dict(out_indices=(3, 7)),  # as CAT-Seg and OVRS
    guidance_encoder=dict(_delete_=True, type='CLIPGuidance'),
)
