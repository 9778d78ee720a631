# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The generated world as a dataset of mmseg."""

from __future__ import annotations

from typing import Any, ClassVar

from mmseg.registry import DATASETS

from aeroseg.datasets.open_vocab import OpenVocabDataset

from .classes import CLASSES, PALETTE, SEEN


@DATASETS.register_module()
class WorldDataset(OpenVocabDataset):
    """Generated aerial scenes; no file is read.

    Scene i of a series is the same in every run and process. The pipeline
    begins with :class:`LoadWorldScene` instead of the file loaders.

    19 classes, 10 of them seen: each name is a modifier (colour, shape,
    material) and a kind, and each modifier occurs in seen and unseen names.
    Every pixel has a class.

    Args:
        length (int): Number of scenes, at least 1.
        series (int): Which series of scenes, at least 0; pretraining uses 1,
            the demo trains on 2 and tests on 3.
        size (int): Side of a scene, px, 32 to 512.
        **kwargs: Arguments of :class:`OpenVocabDataset` that do not concern
            files: ``classes``, ``pipeline``, ``test_mode``, ...

    Raises:
        ValueError: If `length`, `series` or `size` is out of its range.
    """

    METAINFO: ClassVar[dict] = {
        'classes': CLASSES,
        'palette': [list(colour) for colour in PALETTE],
        'seen_classes': SEEN,
    }

    def __init__(
        self,
        length: int = 1000,
        series: int = 2,
        size: int = 256,
        **kwargs: Any,
    ) -> None:
        if length < 1 or series < 0 or not 32 <= size <= 512:
            raise ValueError(
                f'WorldDataset got length={length}, series={series}, '
                f'size={size}; allowed are length >= 1, series >= 0 and 32 '
                '<= size <= 512'
            )
        self.length = length
        self.series = series
        self.size = size
        super().__init__(**kwargs)

    def load_data_list(self) -> list[dict[str, Any]]:
        """One entry per scene.

        Returns:
            list[dict]: 'scene' (index, series, size) for the loader,
            'img_path' (a name for logs and pictures, not a file) and what
            the transforms of mmseg need.
        """
        return [
            {
                'scene': (index, self.series, self.size),
                'img_path': f'world/{self.series}/{index:05d}.png',
                'label_map': self.label_map,
                'reduce_zero_label': False,
                'num_ids': len(self.full_vocabulary),
                'seg_fields': [],
            }
            for index in range(self.length)
        ]
