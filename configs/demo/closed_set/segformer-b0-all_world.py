# The upper bound: SegFormer-B0 trained on all classes.
_base_ = './segformer-b0_world.py'

train_dataloader = dict(dataset=dict(labels='all'))
