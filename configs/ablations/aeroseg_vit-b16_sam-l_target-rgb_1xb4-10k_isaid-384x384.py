# Table 5: back-projection rebuilds the image instead of SAM's features.
_base_ = '../aeroseg/aeroseg_vit-b16_sam-l_1xb4-10k_isaid-384x384.py'

model = dict(auxiliary_head=dict(target='rgb'))
