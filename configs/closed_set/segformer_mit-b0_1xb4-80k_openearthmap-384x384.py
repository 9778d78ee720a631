# SegFormer-B0 on the seen classes of OpenEarthMap,
# scored on all.
_base_ = [
    './_base_/segformer_mit-b0.py',
    '../_base_/datasets/openearthmap.py',
    '../_base_/default_runtime.py',
]

model = dict(decode_head=dict(num_classes=8))
# labels='all' gives the upper bound.
train_dataloader = dict(dataset=dict(classes='all', labels='seen'))
