# Table 6: SAM ViT-H as guidance encoder.
_base_ = '../aeroseg/aeroseg_vit-b16_sam-l_1xb4-10k_isaid-384x384.py'

model = dict(
    guidance_encoder=dict(
        arch='vit_h',
        # The paper names the blocks of ViT-L alone. They are at one third,
        # two thirds and the end, and so are these: 11, 21, 32.
        out_blocks=None,
        init_cfg=dict(checkpoint='vit_h'),
    )
)
