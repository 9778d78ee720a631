# OVRS: CLIP's own maps from shallow to deep, through transposed convolutions.
_base_ = './baseline_world.py'

model = dict(
    text_encoder=dict(templates='catseg'),
    decode_head=dict(guidance_index=(0, 1), guidance_upsample='deconv'),
)
