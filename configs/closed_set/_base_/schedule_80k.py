# Steps and batch of the other baselines; the shape of the learning rate is
# that of mmseg's configs for transformers.
max_iters = 80000
param_scheduler = [
    dict(
        type='LinearLR', start_factor=1e-6, by_epoch=False, begin=0, end=1500
    ),
    dict(
        type='PolyLR',
        power=1.0,
        eta_min=0.0,
        by_epoch=False,
        begin=1500,
        end=max_iters,
    ),
]
train_cfg = dict(
    type='IterBasedTrainLoop', max_iters=max_iters, val_interval=8000
)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
