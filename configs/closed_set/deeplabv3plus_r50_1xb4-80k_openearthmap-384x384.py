# DeepLabV3+ with ResNet-50 on the seen classes of OpenEarthMap,
# scored on all.
_base_ = [
    './_base_/deeplabv3plus_r50.py',
    '../_base_/datasets/openearthmap.py',
    '../_base_/default_runtime.py',
]

model = dict(
    decode_head=dict(num_classes=8),
    auxiliary_head=dict(num_classes=8),
)
# labels='all' gives the upper bound.
train_dataloader = dict(dataset=dict(classes='all', labels='seen'))
