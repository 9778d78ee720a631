# tools/train.py CONFIG --memory 8gb
# One image at a time; activations of both CLIP towers and of the neck are
# computed again in the backward pass; SAM, which is frozen, in bfloat16.
images_at_once = 1
optim_wrapper = dict(type='AutocastOptimWrapper')
model = dict(
    backbone=dict(with_cp=True),
    text_encoder=dict(with_cp=True),
    neck=dict(with_cp=True),
    guidance_encoder=dict(dtype='bfloat16'),
)
