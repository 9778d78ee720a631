# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""iSAID with 15 classes: instance masks of DOTA images, background ignored."""

from typing import ClassVar

from mmseg.registry import DATASETS

from .open_vocab import OpenVocabDataset


@DATASETS.register_module()
class ISAID15Dataset(OpenVocabDataset):
    """iSAID in tiles of 256 x 256 px, as made by the iSAID converter.

    The 15 object classes have the ids 0-14; background is 255, unlike in
    mmseg's ``iSAIDDataset``, where it is class 0 of 16. Colours are those of
    the official masks (https://captain-whu.github.io/iSAID/), the seen
    classes those of Table 1 of arXiv:2504.09203: 9 seen, 6 unseen.
    """

    METAINFO: ClassVar[dict] = {
        'classes': (
            'ship', 'storage tank', 'baseball diamond', 'tennis court',
            'basketball court', 'ground track field', 'bridge',
            'large vehicle', 'small vehicle', 'helicopter', 'swimming pool',
            'roundabout', 'soccer ball field', 'plane', 'harbor',
        ),
        'palette': [
            [0, 0, 63], [0, 63, 63], [0, 63, 0], [0, 63, 127], [0, 63, 191],
            [0, 63, 255], [0, 127, 63], [0, 127, 127], [0, 0, 127],
            [0, 0, 191], [0, 0, 255], [0, 191, 127], [0, 127, 191],
            [0, 127, 255], [0, 100, 155],
        ],
        'seen_classes': (
            'ship', 'storage tank', 'baseball diamond', 'basketball court',
            'ground track field', 'large vehicle', 'swimming pool',
            'roundabout', 'plane',
        ),
    }  # fmt: skip
