# Table 5: back-projection rebuilds CLIP's dense features instead of SAM's.
_base_ = '../aeroseg/aeroseg_vit-b16_sam-l_1xb4-10k_isaid-384x384.py'

model = dict(auxiliary_head=dict(target='clip'))
