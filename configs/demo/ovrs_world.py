# OVRS: CLIP's own maps from shallow to deep, and the prompt of its code.
_base_ = './baseline_world.py'

model = dict(
    text_encoder=dict(templates='catseg'),
    decode_head=dict(guidance_index=(0, 1)),
)
