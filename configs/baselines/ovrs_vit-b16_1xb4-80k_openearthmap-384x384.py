# Table 2, OVRS with its own recipe, trained on the seen classes.
_base_ = [
    '../_base_/models/ovrs_vit-b16.py',
    '../_base_/datasets/openearthmap.py',
    '../_base_/schedules/adamw_cosine.py',
    '../_base_/default_runtime.py',
]

max_iters = 80000  # configs/config.yaml of the published code
train_cfg = dict(max_iters=max_iters)
param_scheduler = dict(T_max=max_iters)

test_pipeline = _base_.test_pipeline
test_pipeline[1].update(scale=(640, 640))  # MIN_SIZE_TEST of eval.sh
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
