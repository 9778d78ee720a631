# As mmseg's deeplabv3plus/deeplabv3plus_r50-d8_4xb4-80k_ade20k-512x512.py,
# with the optimiser of its schedule_80k.py.
_base_ = ['mmseg::_base_/models/deeplabv3plus_r50-d8.py', './schedule_80k.py']

model = dict(
    data_preprocessor=dict(size=(384, 384)),
    # The mean over the labelled pixels: most are ignored, on iSAID above all.
    decode_head=dict(loss_decode=dict(avg_non_ignore=True)),
    auxiliary_head=dict(loss_decode=dict(avg_non_ignore=True)),
)
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=0.01, momentum=0.9, weight_decay=5e-4),
)
param_scheduler = [
    dict(
        type='PolyLR',
        power=0.9,
        eta_min=1e-4,
        by_epoch=False,
        begin=0,
        end=_base_.max_iters,
    )
]
