_base_ = './tiles.py'

test_dataloader = dict(
    dataset=dict(type='DLRSDDataset', data_root='data/dlrsd')
)
