# SegFormer-B2 on the seen classes of iSAID,
# scored on all.
_base_ = [
    './_base_/segformer_mit-b2.py',
    '../_base_/datasets/isaid.py',
    '../_base_/default_runtime.py',
]

model = dict(decode_head=dict(num_classes=15))
# labels='all' gives the upper bound.
train_dataloader = dict(dataset=dict(classes='all', labels='seen'))
