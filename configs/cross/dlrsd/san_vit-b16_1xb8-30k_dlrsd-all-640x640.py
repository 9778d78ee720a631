# SAN, trained on all classes of DLRSD, as OVRSISBench V1
# does it: length and batch (docs/protocol.md). Test: tools/test_across.py
_base_ = '../../san/san_vit-b16_1xb32-60k_dlrsd-640x640.py'

max_iters = 30000
all_classes = dict(classes='all', metainfo=dict(seen_classes='all'))
model = dict(vocabulary=dict(classes='all'))
train_dataloader = dict(batch_size=8, dataset=all_classes)
val_dataloader = dict(dataset=all_classes)
test_dataloader = val_dataloader
train_cfg = dict(max_iters=max_iters)
param_scheduler = dict(end=max_iters)
