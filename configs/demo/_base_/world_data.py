# Scenes are made while training runs: series 2 to learn from, series 3 to be
# scored on. No colour jitter of hue: the names are about colours, and each
# scene has a colour cast, haze and exposure of its own.
dataset_type = 'WorldDataset'
# For mmseg's inference_model, which reads image files.
test_pipeline = [dict(type='LoadImageFromFile'), dict(type='PackSegInputs')]

train_dataloader = dict(
    batch_size=4,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(
        type=dataset_type,
        series=2,
        length=4000,
        classes='seen',
        pipeline=[
            dict(type='LoadWorldScene'),
            dict(type='RandomFlip', prob=0.5),
            dict(type='PackSegInputs'),
        ],
    ),
)
val_dataloader = dict(
    batch_size=10,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type=dataset_type,
        series=3,
        length=150,
        classes='all',
        pipeline=[dict(type='LoadWorldScene'), dict(type='PackSegInputs')],
    ),
)
test_dataloader = val_dataloader
val_evaluator = dict(type='OpenVocabIoUMetric')
test_evaluator = val_evaluator
vocabulary = dict(dataset=dataset_type, classes='seen')

# For tools/predict.py: the size of the scenes.
predictor = dict(window=256)
