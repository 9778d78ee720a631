# Table 2, OVRS with its own recipe, trained on the seen classes.
_base_ = [
    '../_base_/models/ovrs_vit-b16.py',
    '../_base_/datasets/dlrsd_640.py',
    '../_base_/schedules/catseg_80k.py',
    '../_base_/default_runtime.py',
]
