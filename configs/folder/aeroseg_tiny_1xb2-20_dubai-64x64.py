# Your own data: any config with another dataset (docs/datasets.md).
_base_ = '../aeroseg/aeroseg_tiny_1xb2-20_openearthmap-64x64.py'

names = '{{ fileDirname }}/dubai_names.txt'
dataset = dict(type='FolderDataset', data_root='data/dubai', names=names)
train_dataloader = dict(dataset=dataset)
val_dataloader = dict(dataset=dataset)
test_dataloader = dict(dataset=dataset)
model = dict(vocabulary=dict(_delete_=True, file=names, classes='seen'))
