# Trained on all classes of the first world, to be tested in the second one:
# tools/test_across.py (docs/world.md).
_base_ = '../aeroseg_world.py'

all_classes = dict(classes='all', metainfo=dict(seen_classes='all'))
model = dict(vocabulary=dict(classes='all'))
train_dataloader = dict(dataset=all_classes)
val_dataloader = dict(dataset=all_classes)
test_dataloader = val_dataloader
