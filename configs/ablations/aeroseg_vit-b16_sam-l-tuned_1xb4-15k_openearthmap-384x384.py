# Table 4: the guidance encoder is trained too.
_base_ = '../aeroseg/aeroseg_vit-b16_sam-l_1xb4-15k_openearthmap-384x384.py'

model = dict(guidance_encoder=dict(frozen=False))
optim_wrapper = dict(
    paramwise_cfg=dict(
        custom_keys=dict(guidance_encoder=dict(lr_mult=0.01))  # 2e-6
    )
)
