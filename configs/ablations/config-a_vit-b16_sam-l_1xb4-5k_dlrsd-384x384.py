# Table 3, Config-A: Config-B without the back-projection loss.
_base_ = './config-b_vit-b16_sam-l_1xb4-5k_dlrsd-384x384.py'

model = dict(auxiliary_head=None)
