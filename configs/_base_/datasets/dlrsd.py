_base_ = './tiles_384.py'

dataset_type = 'DLRSDDataset'
dataset = dict(type=dataset_type, data_root='data/dlrsd')
train_dataloader = dict(dataset=dataset)
val_dataloader = dict(dataset=dataset)
test_dataloader = dict(dataset=dataset)
vocabulary = dict(dataset=dataset_type, classes='seen')
