# tools/train.py CONFIG --memory 24gb
# Two images at a time, nothing recomputed.
images_at_once = 2
optim_wrapper = dict(type='AutocastOptimWrapper')
model = dict(
    backbone=dict(with_cp=False),
    guidance_encoder=dict(dtype='bfloat16'),
)
