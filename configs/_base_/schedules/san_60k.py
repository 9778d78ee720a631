# As published (configs of github.com/MendelXu/SAN): AdamW, poly 0.9, 60,000
# steps of 32 images, no decay for norms, positions and queries.
max_iters = 60000
optim_wrapper = dict(
    type='OptimWrapper',
    constructor='QuietOptimWrapperConstructor',
    optimizer=dict(type='AdamW', lr=1e-4, weight_decay=1e-4),
    clip_grad=dict(max_norm=0.01),
    paramwise_cfg=dict(
        norm_decay_mult=0.0,
        custom_keys=dict(
            positional_embedding=dict(decay_mult=0.0),
            pos_embed=dict(decay_mult=0.0),
            query_embed=dict(decay_mult=0.0),
        ),
    ),
)
param_scheduler = dict(
    type='PolyLR', power=0.9, eta_min=0.0, by_epoch=False, end=max_iters
)
train_cfg = dict(
    type='IterBasedTrainLoop', max_iters=max_iters, val_interval=5000
)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
