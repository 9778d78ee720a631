# Table 3, Config-A: Config-B without the back-projection loss.
_base_ = './config-b_world.py'

model = dict(auxiliary_head=None)
