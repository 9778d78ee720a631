# Table 2, SED with its own recipe, trained on the seen classes.
_base_ = [
    '../_base_/models/sed_convnext-b.py',
    '../_base_/datasets/dlrsd_768.py',
    '../_base_/schedules/sed_80k.py',
    '../_base_/default_runtime.py',
]
