# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""DLRSD: the UC Merced land use images with a class for every pixel."""

from typing import ClassVar

from mmseg.registry import DATASETS

from .open_vocab import OpenVocabDataset


@DATASETS.register_module()
class DLRSDDataset(OpenVocabDataset):
    """DLRSD, 256 x 256 px, as made by the DLRSD converter.

    The 17 classes have the ids 0-16 (1-17 in the official files); every
    pixel has a class. Colours are the official ones
    (https://sites.google.com/view/zhouwx/dataset), the seen classes those of
    Table 1 of arXiv:2504.09203: 10 seen, 7 unseen.
    """

    METAINFO: ClassVar[dict] = {
        'classes': (
            'airplane', 'bare soil', 'buildings', 'cars', 'chaparral',
            'court', 'dock', 'field', 'grass', 'mobile home', 'pavement',
            'sand', 'sea', 'ship', 'tanks', 'trees', 'water',
        ),
        'palette': [
            [166, 202, 240], [128, 128, 0], [0, 0, 128], [255, 0, 0],
            [0, 128, 0], [128, 0, 0], [255, 233, 233], [160, 160, 164],
            [0, 128, 128], [90, 87, 255], [255, 255, 0], [255, 192, 0],
            [0, 0, 255], [255, 0, 192], [128, 0, 128], [0, 255, 0],
            [0, 255, 255],
        ],
        'seen_classes': (
            'chaparral', 'court', 'dock', 'field', 'grass', 'mobile home',
            'sand', 'ship', 'tanks', 'water',
        ),
    }  # fmt: skip
