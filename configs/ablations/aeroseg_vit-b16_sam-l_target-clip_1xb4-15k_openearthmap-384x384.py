# Table 5: back-projection rebuilds CLIP's dense features instead of SAM's.
_base_ = '../aeroseg/aeroseg_vit-b16_sam-l_1xb4-15k_openearthmap-384x384.py'

model = dict(auxiliary_head=dict(target='clip'))
