# As published: AdamW, 120,000 steps of 32 images, 1,500 of them warming up,
# then poly 0.9; one rate for all parts, the backbone included. No decay for
# norms, embeddings and the tables of relative positions.
max_iters = 120000
optim_wrapper = dict(
    type='OptimWrapper',
    constructor='QuietOptimWrapperConstructor',
    optimizer=dict(type='AdamW', lr=6e-5, weight_decay=0.01),
    clip_grad=dict(max_norm=0.01),
    paramwise_cfg=dict(
        norm_decay_mult=0.0,
        custom_keys=dict(
            relative_position_bias_table=dict(decay_mult=0.0),
            level_embed=dict(decay_mult=0.0),
            query_feat=dict(decay_mult=0.0),
            query_embed=dict(decay_mult=0.0),
        ),
    ),
)
param_scheduler = [
    dict(
        type='LinearLR',
        start_factor=1 / 60,  # from 1e-6
        by_epoch=False,
        begin=0,
        end=1500,
    ),
    dict(
        type='PolyLR',
        power=0.9,
        eta_min=0.0,
        by_epoch=False,
        begin=1500,
        end=max_iters,
    ),
]
train_cfg = dict(
    type='IterBasedTrainLoop', max_iters=max_iters, val_interval=10000
)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
