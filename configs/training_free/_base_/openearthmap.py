_base_ = './tiles.py'

test_dataloader = dict(
    dataset=dict(type='OpenEarthMapDataset', data_root='data/openearthmap')
)
