# Small enough for a tiny model on a CPU: 64 px, two images, no workers.
_base_ = './openearthmap.py'

image_size = (64, 64)
train_pipeline = _base_.train_pipeline
train_pipeline[2].update(scale=min(image_size))
train_pipeline[3].update(crop_size=image_size)
test_pipeline = _base_.test_pipeline
test_pipeline[1].update(scale=image_size)

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
predictor = dict(window=64, scale=0.25)  # of 256-pixel tiles
