# Table 6: SAM2 Hiera-Base+ as guidance encoder.
_base_ = '../aeroseg/aeroseg_vit-b16_sam-l_1xb4-10k_isaid-384x384.py'

sam2 = 'sam2_hiera_base_plus.fb_r896'
model = dict(
    guidance_encoder=dict(
        _delete_=True,
        type='SAM2Guidance',
        model=sam2,
        init_cfg=dict(type='SAM2Pretrained', checkpoint=sam2),
    )
)
