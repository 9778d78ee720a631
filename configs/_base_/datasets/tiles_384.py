# What the three datasets share: 256 x 256 tiles in img_dir/ and ann_dir/,
# seen classes in training, all classes in validation and test.

# CAT-Seg and OVRS work at 384 x 384; the paper gives no size. CLIP B/16 and
# SAM then both have a grid of 24 x 24.
image_size = (384, 384)

train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadLabels'),
    dict(type='ResizeShortestEdge', scale=min(image_size), max_size=2560),
    dict(type='RandomCrop', crop_size=image_size),
    dict(type='PhotoMetricDistortion'),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackSegInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=image_size, keep_ratio=True),
    # After Resize: the score is taken at the size of the label.
    dict(type='LoadLabels'),
    dict(type='PackSegInputs'),
]
train_dataloader = dict(
    batch_size=4,  # section 4.2 of the paper
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='SeededInfiniteSampler', shuffle=True),
    dataset=dict(
        classes='seen',
        data_prefix=dict(
            img_path='img_dir/train', seg_map_path='ann_dir/train'
        ),
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        classes='all',
        data_prefix=dict(img_path='img_dir/val', seg_map_path='ann_dir/val'),
        pipeline=test_pipeline,
    ),
)
test_dataloader = val_dataloader
val_evaluator = dict(type='OpenVocabIoUMetric')
test_evaluator = val_evaluator

# For tools/predict.py: the window the model was trained on, and how much the
# 256-pixel tiles are enlarged to fill it.
predictor = dict(window=384, scale=1.5)
