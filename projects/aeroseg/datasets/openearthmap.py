# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""OpenEarthMap: land cover of 97 regions in 44 countries."""

from typing import ClassVar

from mmseg.registry import DATASETS

from .open_vocab import OpenVocabDataset


@DATASETS.register_module()
class OpenEarthMapDataset(OpenVocabDataset):
    """OpenEarthMap in tiles, as made by the OpenEarthMap converter.

    The 8 classes have the ids 0-7 (1-8 in the official files); unknown
    pixels (0 there) are 255. To read the official label files themselves,
    set ``reduce_zero_label=True`` and both suffixes to '.tif'. Colours are
    the official ones (https://open-earth-map.org), the seen classes those of
    Table 1 of arXiv:2504.09203: 4 seen, 4 unseen.
    """

    METAINFO: ClassVar[dict] = {
        'classes': (
            'bareland', 'rangeland', 'developed space', 'road', 'tree',
            'water', 'agriculture land', 'building',
        ),
        'palette': [
            [128, 0, 0], [0, 255, 36], [148, 148, 148], [255, 255, 255],
            [34, 97, 38], [0, 69, 255], [75, 181, 73], [222, 31, 7],
        ],
        'seen_classes': ('bareland', 'rangeland', 'road', 'building'),
    }  # fmt: skip
