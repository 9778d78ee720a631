# Table 2, CAT-Seg with its own recipe, trained on the seen classes.
_base_ = [
    '../_base_/models/catseg_vit-b16.py',
    '../_base_/datasets/openearthmap_640.py',
    '../_base_/schedules/catseg_80k.py',
    '../_base_/default_runtime.py',
]
