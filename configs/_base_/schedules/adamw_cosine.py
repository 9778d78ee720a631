# AdamW and learning rates: section 4.2 of the paper. Weight decay, clipping
# and the cosine to zero are not in it; they are those of the CAT-Seg code.
optim_wrapper = dict(
    type='OptimWrapper',
    constructor='QuietOptimWrapperConstructor',
    optimizer=dict(type='AdamW', lr=2e-4, weight_decay=1e-4),
    clip_grad=dict(max_norm=0.01),
    paramwise_cfg=dict(
        custom_keys=dict(
            backbone=dict(lr_mult=0.01), text_encoder=dict(lr_mult=0.01)
        ),
        norm_decay_mult=0.0,
    ),
)
# The leaf config gives both lengths.
param_scheduler = dict(type='CosineAnnealingLR', by_epoch=False, eta_min=0.0)
train_cfg = dict(type='IterBasedTrainLoop', val_interval=5000)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
