_base_ = './tiles.py'

test_dataloader = dict(
    dataset=dict(type='ISAID15Dataset', data_root='data/isaid')
)
