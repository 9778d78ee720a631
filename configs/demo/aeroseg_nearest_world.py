# AerOSeg with the guidance repeated, not deconvolved, in the decoder (eq. 10).
_base_ = './aeroseg_world.py'

model = dict(decode_head=dict(guidance_upsample='nearest'))
