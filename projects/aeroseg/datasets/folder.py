# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Your own data: a folder of images and labels, and a text file of names."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from mmseg.registry import DATASETS

from aeroseg.palette import RGB
from aeroseg.vocabulary import Vocabulary

from .labels import IGNORE_INDEX, colour_ids
from .open_vocab import OpenVocabDataset


@DATASETS.register_module()
class FolderDataset(OpenVocabDataset):
    """Images and labels described by ``names.txt``; no Python needed.

    A line of ``names.txt`` is ``name, synonym, ... [seen] [#RRGGBB]``; its
    line number, from 0, is the id of the class
    (:meth:`aeroseg.vocabulary.Vocabulary.from_file`). Labels are images with
    an id per pixel (255: ignored), or masks in the colours of
    ``names.txt``.

    Args:
        names (str): The text file; looked for in ``data_root``, then as
            given. Default: 'names.txt'.
        masks (str): 'ids' or 'colours'. Default: 'ids'.
        ignore_colours (Sequence[str | RGB]): Colours of pixels that do not
            count, as '#9B9B9B' or (155, 155, 155). Default: ().
        data_root (str, optional): Folder that holds everything.
        **kwargs: Arguments of :class:`OpenVocabDataset`; ``classes='seen'``
            needs the marks [seen] and [unseen] in ``names.txt``.

    Raises:
        FileNotFoundError: If ``names.txt`` is missing.
        ValueError: If it is not well-formed, or lacks colours where masks
            are in colours.

    Examples::

        dataset = FolderDataset(
            data_root='data/dubai',
            classes='seen',
            data_prefix=dict(
                img_path='img_dir/train', seg_map_path='ann_dir/train'
            ),
        )
    """

    def __init__(
        self,
        names: str = 'names.txt',
        masks: Literal['ids', 'colours'] = 'ids',
        ignore_colours: Sequence[str | RGB] = (),
        data_root: str | None = None,
        **kwargs: Any,
    ) -> None:
        path = Path(data_root or '.') / names
        if Path(names).is_file() and not path.is_file():
            path = Path(names)
        vocabulary = Vocabulary.from_file(path)
        if len(vocabulary) > IGNORE_INDEX:
            raise ValueError(
                f'{path} has {len(vocabulary)} classes; an 8-bit label can '
                f'hold {IGNORE_INDEX}'
            )
        self.colours = None
        if masks == 'colours':
            self.colours = colour_ids(path, ignore_colours)
        elif masks != 'ids' or ignore_colours:
            raise ValueError(
                f'masks={masks!r} with ignore_colours={ignore_colours}; '
                "allowed are masks='ids' (ignored pixels are 255) "
                "and masks='colours'"
            )
        metainfo = {**vocabulary.to_metainfo(), **kwargs.pop('metainfo', {})}
        super().__init__(metainfo=metainfo, data_root=data_root, **kwargs)

    def _entry(
        self, name: str, img_dir: str, ann_dir: str | None
    ) -> dict[str, Any]:
        entry = super()._entry(name, img_dir, ann_dir)
        return {**entry, 'colours': self.colours}
