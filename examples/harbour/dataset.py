# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""A dataset: class names, colours, and which classes training sees."""

from typing import ClassVar

from mmseg.registry import DATASETS

from aeroseg.datasets import OpenVocabDataset


@DATASETS.register_module()
class HarbourDataset(OpenVocabDataset):
    """Four classes with the ids 0 to 3; 255 is ignored."""

    METAINFO: ClassVar[dict] = {
        'classes': ('water', 'quay', 'ship', 'container'),
        'palette': [
            [0, 90, 200],
            [150, 150, 150],
            [255, 255, 0],
            [200, 60, 0],
        ],
        'seen_classes': ('water', 'quay', 'ship'),
        # Further words for a class; the model averages their features.
        'synonyms': {'quay': ('pier', 'wharf')},
    }
