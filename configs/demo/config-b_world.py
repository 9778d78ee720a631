# Table 3, Config-B: one generic prompt instead of the remote-sensing ones.
_base_ = './aeroseg_world.py'

model = dict(text_encoder=dict(templates='generic'))
