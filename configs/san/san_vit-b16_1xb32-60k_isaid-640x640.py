# Table 2, SAN with its own recipe, trained on the seen classes of iSAID.
_base_ = [
    '../_base_/models/san_vit-b16.py',
    '../_base_/datasets/isaid_640.py',
    '../_base_/schedules/san_60k.py',
    '../_base_/default_runtime.py',
]

model = dict(vocabulary=_base_.vocabulary)
train_pipeline = _base_.train_pipeline
train_pipeline[2] = dict(
    type='RandomChoiceResize',
    scales=list(range(320, 961, 64)),
    resize_type='ResizeShortestEdge',
    max_size=2560,
)
train_pipeline[3].update(crop_size=(640, 640))
train_dataloader = dict(batch_size=32, dataset=dict(pipeline=train_pipeline))
predictor = dict(window=640, scale=2.5)
