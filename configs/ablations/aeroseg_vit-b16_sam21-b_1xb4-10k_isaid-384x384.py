# Table 6: SAM2.1 Hiera-Base+ as guidance encoder.
_base_ = './aeroseg_vit-b16_sam2-b_1xb4-10k_isaid-384x384.py'

sam2 = 'sam2_hiera_base_plus.fb_r896_2pt1'
model = dict(guidance_encoder=dict(model=sam2, init_cfg=dict(checkpoint=sam2)))
