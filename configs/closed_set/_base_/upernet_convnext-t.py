# As mmseg's convnext/convnext-tiny_upernet_8xb2-amp-160k_ade20k-512x512.py;
# the backbone is mmpretrain's. Without mixed precision: see --amp.
_base_ = ['mmseg::_base_/models/upernet_r50.py', './schedule_80k.py']

checkpoint = 'https://mmassets.onedl.ai/mmclassification/v0/convnext/downstream/convnext-tiny_3rdparty_32xb128-noema_in1k_20220301-795e9634.pth'  # noqa: E501
model = dict(
    data_preprocessor=dict(size=(384, 384)),
    pretrained=None,
    backbone=dict(
        _delete_=True,
        type='mmpretrain.ConvNeXt',
        arch='tiny',
        out_indices=[0, 1, 2, 3],
        drop_path_rate=0.4,
        layer_scale_init_value=1.0,
        gap_before_final_norm=False,
        init_cfg=dict(
            type='Pretrained', checkpoint=checkpoint, prefix='backbone.'
        ),
    ),
    # The mean over the labelled pixels: most are ignored, on iSAID above all.
    decode_head=dict(
        in_channels=[96, 192, 384, 768], loss_decode=dict(avg_non_ignore=True)
    ),
    auxiliary_head=dict(
        in_channels=384, loss_decode=dict(avg_non_ignore=True)
    ),
)
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(
        type='AdamW', lr=1e-4, betas=(0.9, 0.999), weight_decay=0.05
    ),
    paramwise_cfg=dict(decay_rate=0.9, decay_type='stage_wise', num_layers=6),
    constructor='LearningRateDecayOptimizerConstructor',
)
