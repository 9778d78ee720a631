# As mmseg's segformer/segformer_mit-b2_8xb2-160k_ade20k-512x512.py.
_base_ = './segformer_mit-b0.py'

checkpoint = 'https://mmassets.onedl.ai/mmsegmentation/v0.5/pretrain/segformer/mit_b2_20220624-66e8bf70.pth'  # noqa: E501
model = dict(
    backbone=dict(
        init_cfg=dict(type='Pretrained', checkpoint=checkpoint),
        embed_dims=64,
        num_layers=[3, 4, 6, 3],
    ),
    decode_head=dict(in_channels=[64, 128, 320, 512]),
)
