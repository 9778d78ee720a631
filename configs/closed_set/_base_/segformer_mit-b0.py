# As mmseg's segformer/segformer_mit-b0_8xb2-160k_ade20k-512x512.py.
_base_ = ['mmseg::_base_/models/segformer_mit-b0.py', './schedule_80k.py']

checkpoint = 'https://mmassets.onedl.ai/mmsegmentation/v0.5/pretrain/segformer/mit_b0_20220624-7e0fe6dd.pth'  # noqa: E501
model = dict(
    data_preprocessor=dict(size=(384, 384)),
    backbone=dict(init_cfg=dict(type='Pretrained', checkpoint=checkpoint)),
    # The mean over the labelled pixels: most are ignored, on iSAID above all.
    decode_head=dict(loss_decode=dict(avg_non_ignore=True)),
)
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(
        type='AdamW', lr=6e-5, betas=(0.9, 0.999), weight_decay=0.01
    ),
    paramwise_cfg=dict(
        custom_keys=dict(
            pos_block=dict(decay_mult=0.0),
            norm=dict(decay_mult=0.0),
            head=dict(lr_mult=10.0),
        )
    ),
)
