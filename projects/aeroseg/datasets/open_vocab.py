# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The base of all datasets: seen and unseen classes, checked."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from mmengine import fileio
from mmengine.logging import print_log
from mmseg.datasets import BaseSegDataset
from mmseg.registry import DATASETS

from aeroseg.vocabulary import Vocabulary

from .labels import IGNORE_INDEX
from .seeded_draws import seeded

_GROUPS = ('all', 'seen', 'unseen')


@DATASETS.register_module()
class OpenVocabDataset(BaseSegDataset):
    """Pairs of images and labels with classes marked as seen or unseen.

    One dataset serves training and testing: ``classes='seen'`` maps the
    pixels of every other class to 255, so that training never sees them;
    ``classes='all'`` scores them all. The metainfo keeps ``seen_classes``.

    ``classes`` numbers the classes anew, which suits a model that is asked
    in words. A closed-set model has an output per class and needs the same
    ids in training and testing: ``classes='all', labels='seen'`` keeps every
    id, and the pixels of unseen classes become 255.

    A label is an image with one value per pixel: the index of its class in
    ``METAINFO['classes']``, or 255 for ignored pixels. Every image
    must have its label, at the same path below its folder.

    Args:
        classes (str | Sequence[str]): 'all', 'seen', 'unseen', or names in
            the wanted order. Default: 'all'.
        metainfo (Mapping, optional): Replaces entries of ``METAINFO``, for
            example ``dict(seen_classes=('road', 'tree'))`` for another
            split, ``dict(seen_classes='all')`` for training on every class.
            'classes' in it means the same as the argument.
        img_suffix (str): Ending of image files. Default: '.png'.
        seg_map_suffix (str): Ending of label files. Default: '.png'.
        labels (str | Sequence[str]): Those of the classes whose pixels
            count: 'all', 'seen', 'unseen' or names. The pixels of others
            become 255; no id changes. Default: 'all'.
        **kwargs: Arguments of :class:`mmseg.datasets.BaseSegDataset`:
            ``data_root``, ``data_prefix=dict(img_path, seg_map_path)``,
            ``ann_file`` (a list of names), ``reduce_zero_label`` and
            ``pipeline``.

    Raises:
        FileNotFoundError: If a folder, the list, a listed image or a label
            is missing.
        ValueError: If a class name is empty, given twice or not in the
            dataset, the split is not known, no class is left that has
            labels, or there is no image at all.
    """

    METAINFO: ClassVar[dict] = {}

    def __init__(
        self,
        classes: str | Sequence[str] = 'all',
        metainfo: Mapping[str, Any] | None = None,
        img_suffix: str = '.png',
        seg_map_suffix: str = '.png',
        labels: str | Sequence[str] = 'all',
        **kwargs: Any,
    ) -> None:
        info = {**self.METAINFO, **(metainfo or {})}
        if info.get('seen_classes') == 'all':
            info['seen_classes'] = tuple(self.METAINFO.get('classes', ()))
        if metainfo and 'classes' in metainfo and self.METAINFO:
            if classes != 'all':
                raise ValueError(
                    'the classes are given twice: as classes='
                    f'{classes!r} and in metainfo; leave one out'
                )
            classes = metainfo['classes']
            info['classes'] = self.METAINFO['classes']
        # All classes of the files, including those ignored here.
        full = self.full_vocabulary = Vocabulary.from_metainfo(info)
        self._check_known(info.get('seen_classes') or ())
        names = self._chosen(classes, info.get('seen_classes'))
        labelled = self._chosen(labels, info.get('seen_classes'), 'labels')
        self.labelled = tuple(n for n in names if n in labelled)
        if not self.labelled:
            raise ValueError(
                f'{type(self).__name__}: classes={classes!r} and labels='
                f'{labels!r} have no class in common, so that no pixel counts'
            )
        info['classes'] = names
        info['palette'] = [
            list(full.palette[full.names.index(n)]) for n in names
        ]
        super().__init__(
            metainfo=info,
            img_suffix=img_suffix,
            seg_map_suffix=seg_map_suffix,
            **kwargs,
        )

    def __getitem__(self, idx: int) -> dict[str, Any]:
        """A sample; its augmentation follows the seed of a seeded index."""
        with seeded(idx):
            return super().__getitem__(idx)

    def _chosen(
        self,
        classes: str | Sequence[str],
        seen: Sequence[str] | None,
        argument: str = 'classes',
    ) -> tuple[str, ...]:
        """The names that an argument chooses, in the order of their ids."""
        full = self.full_vocabulary.names
        if not isinstance(classes, str):
            self._check_known(classes)
            return Vocabulary(tuple(classes)).names
        if classes not in _GROUPS:
            raise ValueError(
                f'{type(self).__name__}: {argument}={classes!r}; allowed are '
                f'{", ".join(map(repr, _GROUPS))} or a list of names out of '
                f'{list(full)}'
            )
        if classes == 'all':
            return full
        if seen is None:
            raise ValueError(
                f'{type(self).__name__}: {argument}={classes!r}, but no class '
                'is marked as seen; give metainfo=dict(seen_classes=(...)) '
                'or mark every line of names.txt with [seen] or [unseen]'
            )
        names = tuple(n for n in full if (n in seen) == (classes == 'seen'))
        if not names:
            raise ValueError(
                f'{type(self).__name__}: no class is {classes}; of '
                f'{list(full)} these are marked as seen: {list(seen)}'
            )
        return names

    def _check_known(self, names: Sequence[str]) -> None:
        unknown = [
            name for name in names if name not in self.full_vocabulary.names
        ]
        if unknown:
            raise ValueError(
                f'{type(self).__name__} has no class {unknown}; its classes '
                f'are {list(self.full_vocabulary.names)}'
            )

    def get_label_map(
        self, new_classes: Sequence[str] | None = None
    ) -> dict[int, int] | None:
        """New id of each id in the files.

        Args:
            new_classes (Sequence[str], optional): The chosen names.

        Returns:
            dict[int, int] | None: None where every class keeps its id and
            counts; an ignored class becomes 255.
        """
        names = tuple(new_classes or self.full_vocabulary.names)
        full = self.full_vocabulary.names
        if names == full == self.labelled:
            return None
        return {
            i: names.index(name) if name in self.labelled else IGNORE_INDEX
            for i, name in enumerate(full)
        }

    def load_data_list(self) -> list[dict[str, Any]]:
        """Pair the images with their labels.

        Returns:
            list[dict]: Sorted by path (in the order of ``ann_file`` where
            that is given): 'img_path', 'seg_map_path' (where there are
            labels), 'label_map', 'reduce_zero_label', 'num_ids' and
            'seg_fields'.
        """
        img_dir = self.data_prefix.get('img_path') or self.data_root or '.'
        ann_dir = self.data_prefix.get('seg_map_path')
        images = self._files('img_path', img_dir, self.img_suffix)
        names = self._listed(images, img_dir) if self.ann_file else images
        if not names:
            raise ValueError(
                f'{type(self).__name__}: no image *{self.img_suffix} in '
                f'{img_dir}; set img_suffix if the files end otherwise'
            )
        if ann_dir is not None:
            labels = self._files('seg_map_path', ann_dir, self.seg_map_suffix)
            self._check_pairs(names, set(labels), ann_dir)
        return [self._entry(name, img_dir, ann_dir) for name in names]

    def _files(self, key: str, folder: str, suffix: str) -> list[str]:
        """Paths below the folder without their suffix, sorted."""
        backend = self.backend_args
        if not fileio.isdir(folder, backend_args=backend):
            raise FileNotFoundError(
                f'{type(self).__name__}: no folder {folder} (data_root='
                f'{self.data_root!r}, data_prefix[{key!r}]). Set data_root, '
                'or make the folder with tools/dataset_converters '
                '(docs/datasets.md)'
            )
        found = fileio.list_dir_or_file(
            folder,
            list_dir=False,
            suffix=suffix,
            recursive=True,
            backend_args=backend,
        )
        return sorted(name[: -len(suffix)] for name in found)

    def unused_labels(self) -> list[str]:
        """Names of labels without an image; none where a list is given."""
        folder = self.data_prefix.get('seg_map_path')
        if folder is None or self.ann_file:
            return []
        infos = (self.get_data_info(i) for i in range(len(self)))
        used = {info['seg_map_path'] for info in infos}
        suffix = self.seg_map_suffix
        return [
            name + suffix
            for name in self._files('seg_map_path', folder, suffix)
            if fileio.join_path(folder, name + suffix) not in used
        ]

    def _listed(self, images: Sequence[str], img_dir: str) -> list[str]:
        if not fileio.isfile(self.ann_file, backend_args=self.backend_args):
            raise FileNotFoundError(
                f'{type(self).__name__}: no list {self.ann_file}; ann_file '
                'is a text file with the name of an image per line'
            )
        lines = fileio.get_text(
            self.ann_file, backend_args=self.backend_args
        ).splitlines()
        names = [
            line.strip().removesuffix(self.img_suffix)
            for line in lines
            if line.strip()
        ]
        missing = sorted(set(names) - set(images))
        if missing:
            raise FileNotFoundError(
                f'{type(self).__name__}: {len(missing)} of {len(names)} '
                f'images in {self.ann_file} are not in {img_dir}, the first '
                f'is {missing[0]}{self.img_suffix}'
            )
        return names

    def _check_pairs(
        self, names: Sequence[str], labels: set[str], ann_dir: str
    ) -> None:
        missing = [name for name in names if name not in labels]
        if missing:
            first = missing[0] + self.seg_map_suffix
            raise FileNotFoundError(
                f'{type(self).__name__}: {len(missing)} of {len(names)} '
                'images have no label, the first is '
                f'{missing[0]}{self.img_suffix}; expected '
                f'{fileio.join_path(ann_dir, first)}. Add the labels, or '
                'name the labelled images in ann_file'
            )
        extra = sorted(labels - set(names))
        if extra and not self.ann_file:
            print_log(
                f'{type(self).__name__}: {len(extra)} of {len(labels)} labels '
                f'in {ann_dir} have no image and are not used, the first is '
                f'{extra[0]}{self.seg_map_suffix}',
                logger='current',
                level=logging.WARNING,
            )

    def _entry(
        self, name: str, img_dir: str, ann_dir: str | None
    ) -> dict[str, Any]:
        entry = {
            'img_path': fileio.join_path(img_dir, name + self.img_suffix),
            'label_map': self.label_map,
            'reduce_zero_label': self.reduce_zero_label,
            'num_ids': len(self.full_vocabulary.names),
            'seg_fields': [],
        }
        if ann_dir is not None:
            path = fileio.join_path(ann_dir, name + self.seg_map_suffix)
            entry['seg_map_path'] = path
        return entry
