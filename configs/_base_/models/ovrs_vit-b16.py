# OVRS (arXiv 2409.07683) out of the modules of AerOSeg: CAT-Seg with four
# rotations and attention in the decoder.
_base_ = './catseg_vit-b16.py'

model = dict(
    backbone=dict(rotations=(0, 90, 180, 270)),
    decode_head=dict(attention=True),
)
