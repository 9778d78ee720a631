# Tested at 640 px, as the published scripts of CAT-Seg and OVRS do.
_base_ = './isaid.py'

test_pipeline = _base_.test_pipeline
test_pipeline[1].update(scale=(640, 640))  # the step 'Resize'
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
