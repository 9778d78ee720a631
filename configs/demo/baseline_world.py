# Table 3, Baseline: Config-A guided by CLIP's own maps instead of SAM's.
_base_ = './config-a_world.py'

model = dict(
    backbone=dict(out_indices=(0, 1)),
    guidance_encoder=dict(_delete_=True, type='CLIPGuidance'),
)
