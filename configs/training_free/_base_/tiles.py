# Tiles enlarged to 448 px and seen in windows of CLIP's own size, as
# SegEarth-OV does it. Nothing is trained.
_base_ = [
    '../../_base_/datasets/tiles_384.py',
    '../../_base_/default_runtime.py',
]

image_size = (448, 448)
test_pipeline = _base_.test_pipeline
test_pipeline[1].update(scale=image_size)  # the step 'Resize'
train_dataloader = None
val_dataloader = None
val_evaluator = None
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_cfg = dict(type='TestLoop')

predictor = dict(window=224, overlap=112, scale=1.75)
