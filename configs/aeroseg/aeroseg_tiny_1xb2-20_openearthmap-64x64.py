# Twenty steps of a tiny model with random weights: does everything run?
_base_ = [
    '../_base_/models/aeroseg_tiny.py',
    '../_base_/datasets/openearthmap.py',
    '../_base_/schedules/adamw_cosine.py',
    '../_base_/default_runtime.py',
]

image_size = (64, 64)
train_pipeline = _base_.train_pipeline
train_pipeline[2].update(scale=min(image_size))
train_pipeline[3].update(crop_size=image_size)
test_pipeline = _base_.test_pipeline
test_pipeline[1].update(scale=image_size)

max_iters = 20
model = dict(vocabulary=_base_.vocabulary)
train_dataloader = dict(
    batch_size=2,
    num_workers=0,
    persistent_workers=False,
    dataset=dict(pipeline=train_pipeline),
)
val_dataloader = dict(
    num_workers=0,
    persistent_workers=False,
    dataset=dict(pipeline=test_pipeline),
)
test_dataloader = val_dataloader
default_hooks = dict(
    logger=dict(interval=5), checkpoint=dict(interval=max_iters // 2)
)
train_cfg = dict(max_iters=max_iters, val_interval=max_iters)
param_scheduler = dict(T_max=max_iters)
predictor = dict(window=64, overlap=16, scale=0.25)  # of 256-pixel tiles
