# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Reads label files: ids or colours to class ids; errors name a pixel."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from aeroseg.palette import RGB
from aeroseg.vocabulary import Vocabulary

from .image_file import open_image

IGNORE_INDEX = 255
_UNKNOWN = 254
_LOSSY = ('JPEG', 'MPO', 'JPEG2000', 'WEBP')


def open_label(content: bytes, path: object) -> Image.Image:
    """Decode a label or mask; its format must keep every value.

    Args:
        content (bytes): The file.
        path (object): Named in the error.

    Raises:
        ValueError: If the file is damaged, stored lossily, or lost its
            values (the palette fault).
    """
    image = open_image(content, path)
    lossy = image.info.get('compression') == 'jpeg'
    if lossy or image.format in _LOSSY:
        raise ValueError(
            f'{path} is stored as {"JPEG" if lossy else image.format}, which '
            'changes values near edges; a label or mask must be stored '
            'losslessly, as PNG or TIFF. Export it again from its source'
        )
    if is_packed(content):
        colours = len(image.getpalette() or ()) // 3
        highest = int(np.asarray(image).max(initial=0))
        if highest >= colours:
            raise ValueError(
                f'{path} has the palette fault: a PNG of mode P with '
                f'{colours} colours in its palette, but values up to '
                f'{highest}. Its writer dropped the higher bits, so the '
                'classes are lost; write it again, ids in mode L'
            )
    return image


def read_ids(content: bytes, path: object) -> np.ndarray:
    """Decode a label that holds an id per pixel.

    Args:
        content (bytes): An image of one band (grey or palette).
        path (object): Named in the error.

    Returns:
        np.ndarray: (H, W) integers as in the file; palette indices for a
        palette image.

    Raises:
        ValueError: If the file is damaged, stored lossily, has several bands
            or lost its ids (the palette fault).
    """
    ids = np.asarray(open_label(content, path))
    if ids.ndim != 2 or ids.dtype.kind not in 'bui':
        raise ValueError(
            f'label {path} holds {ids.dtype} values of shape {ids.shape}; a '
            'label has one integer per pixel. For a colour mask use '
            'FolderDataset with colours in names.txt'
        )
    return ids


def is_packed(content: bytes) -> bool:
    """Whether a file is a palette PNG with less than 8 bit per pixel.

    Args:
        content (bytes): The file.
    """
    is_png = content.startswith(b'\x89PNG') and len(content) > 25
    return is_png and content[25] == 3 and content[24] < 8


def read_colours(content: bytes, path: object) -> np.ndarray:
    """Decode a mask of colours.

    Args:
        content (bytes): An image with or without a palette.
        path (object): Named in the error.

    Returns:
        np.ndarray: (H, W, 3) uint8 RGB.

    Raises:
        ValueError: If the file is damaged, stored lossily, not of 8 bit, or
            transparent anywhere.
    """
    image = open_label(content, path)
    if image.mode not in ('RGB', 'RGBA', 'P', 'L'):
        raise ValueError(
            f'mask {path} has mode {image.mode}; a mask of colours has 8-bit '
            'RGB values or a palette'
        )
    if image.has_transparency_data:
        alpha = np.asarray(image.convert('RGBA'))[..., 3]
        if alpha.min() < 255:
            y, x = np.argwhere(alpha < 255)[0]
            raise ValueError(
                f'mask {path} is transparent at column {x}, row {y}, so the '
                'class there is not certain; save it without transparency'
            )
    return np.asarray(image.convert('RGB'))


class IdTable:
    """Maps the ids of a label file to class ids.

    Args:
        mapping (Mapping[int, int]): Id in the file (0-255) to class id;
            255 maps to itself unless given.
    """

    def __init__(self, mapping: Mapping[int, int]) -> None:
        self.mapping = {IGNORE_INDEX: IGNORE_INDEX, **mapping}
        self._table = np.full(256, -1, np.int16)
        self._table[list(self.mapping)] = list(self.mapping.values())

    def __call__(self, ids: np.ndarray, path: object) -> np.ndarray:
        """Translate a label.

        Args:
            ids (np.ndarray): (H, W) integers.
            path (object): Named in the error.

        Returns:
            np.ndarray: (H, W) uint8 class ids, 255 where ignored.

        Raises:
            ValueError: If an id is not in the table; names a pixel.
        """
        wrong = (ids < 0) | (ids > 255) if ids.dtype.itemsize > 1 else None
        if wrong is None or not wrong.any():
            found = self._table[ids.astype(np.uint8)]
            wrong = found < 0
            if not wrong.any():
                return found.astype(np.uint8)
        y, x = np.argwhere(wrong)[0]
        raise ValueError(
            f'label {path} holds the id {int(ids[y, x])} at column {x}, row '
            f'{y} ({int(wrong.sum())} px with an unknown id); allowed are '
            f'{_ranges(self.mapping)}. Fix the label, or check that it '
            'belongs to this dataset (tools/check_dataset.py)'
        )


class ColourTable:
    """Maps the colours of a mask to class ids.

    Args:
        colours (Mapping[RGB, int]): RGB colour (0-255) to class id 0-253, or
            255 for ignored pixels.

    Raises:
        ValueError: If a class id does not fit.
    """

    def __init__(self, colours: Mapping[RGB, int]) -> None:
        self.colours = dict(colours)
        if any(i == _UNKNOWN or not 0 <= i <= 255 for i in colours.values()):
            raise ValueError('a colour table holds ids from 0 to 253 and 255')
        self._table: np.ndarray | None = None

    def __call__(self, rgb: np.ndarray, path: object) -> np.ndarray:
        """Translate a mask.

        Args:
            rgb (np.ndarray): (H, W, 3) uint8.
            path (object): Named in the error.

        Returns:
            np.ndarray: (H, W) uint8 class ids, 255 where ignored.

        Raises:
            ValueError: If a colour is not in the table; names a pixel.
        """
        ids = self._translated(rgb)
        wrong = ids == _UNKNOWN
        if wrong.any():
            y, x = np.argwhere(wrong)[0]
            raise ValueError(
                f'mask {path} has the colour {tuple(map(int, rgb[y, x]))} at '
                f'column {x}, row {y} ({int(wrong.sum())} px with an unknown '
                f'colour); known are {sorted(self.colours)}. A mask must be '
                'stored losslessly (PNG, not JPEG); add the colour to the '
                'table if it stands for a class'
            )
        return ids

    def known(self, rgb: np.ndarray) -> tuple[np.ndarray, int]:
        """Translate a mask; unknown colours are ignored.

        Args:
            rgb (np.ndarray): (H, W, 3) uint8.

        Returns:
            tuple[np.ndarray, int]: (H, W) uint8 class ids, 255 where ignored,
            and the number of pixels of unknown colours.
        """
        ids = self._translated(rgb)
        wrong = ids == _UNKNOWN
        ids[wrong] = IGNORE_INDEX
        return ids, int(wrong.sum())

    def _translated(self, rgb: np.ndarray) -> np.ndarray:
        if self._table is None:
            self._table = self._lookup()
        ids = np.empty(rgb.shape[:2], np.uint8)
        # In strips, because packed colours take four times the memory.
        for y in range(0, len(rgb), 256):
            strip = rgb[y : y + 256].astype(np.uint32)
            packed = strip[..., 0] << 16 | strip[..., 1] << 8 | strip[..., 2]
            ids[y : y + 256] = self._table[packed]
        return ids

    def _lookup(self) -> np.ndarray:
        """Class id per 0xRRGGBB; 16 MiB, so made on first use only."""
        table = np.full(1 << 24, _UNKNOWN, np.uint8)
        for (red, green, blue), index in self.colours.items():
            table[red << 16 | green << 8 | blue] = index
        return table

    def __getstate__(self) -> dict[str, Any]:
        """Leave the large table out when sent to another process."""
        return {'colours': self.colours, '_table': None}


def table_of(
    info: Mapping[str, Any], label_map: Mapping[int, int] | None = None
) -> ColourTable | IdTable:
    """The table for the label files of a dataset.

    Args:
        info (Mapping): An entry of the dataset: 'num_ids' (classes in the
            files), 'reduce_zero_label' and, for colour masks, 'colours'.
        label_map (Mapping[int, int], optional): New id of each class id.

    Returns:
        ColourTable | IdTable: From files to (new) class ids.
    """
    ids = range(info['num_ids'])
    new = {i: i if label_map is None else label_map[i] for i in ids}
    # A protocol may score the pixels without a class as a class of its own.
    new[IGNORE_INDEX] = (label_map or {}).get(IGNORE_INDEX, IGNORE_INDEX)
    if info.get('colours') is not None:
        colours = info['colours'].items()
        return ColourTable({rgb: new[i] for rgb, i in colours})
    if info.get('reduce_zero_label'):
        return IdTable({0: IGNORE_INDEX, **{i + 1: new[i] for i in ids}})
    return IdTable(new)


def read_label(
    content: bytes, path: object, table: ColourTable | IdTable
) -> np.ndarray:
    """Class ids of a label file, (H, W) uint8, 255 where ignored.

    Raises:
        ValueError: If the file is damaged, of the wrong kind, or holds an
            unknown id or colour.
    """
    if isinstance(table, ColourTable):
        return table(read_colours(content, path), path)
    return table(read_ids(content, path), path)


def colour_ids(
    names: str | Path, ignored: Sequence[str | RGB] = ()
) -> dict[RGB, int]:
    """The colour table of a ``names.txt``.

    Args:
        names (str | Path): The file; every line has ``[#RRGGBB]``.
        ignored (Sequence[str | RGB]): Colours of ignored pixels,
            as '#9B9B9B' or (155, 155, 155).

    Returns:
        dict[RGB, int]: Class id of every colour, 255 for ignored ones.

    Raises:
        ValueError: If a line has no colour, or a colour is malformed or used
            twice.
    """
    vocabulary = Vocabulary.from_file(names)
    if '[#' not in Path(names).read_text(encoding='utf-8'):
        raise ValueError(
            f'{names} has no colours, so colour masks cannot be read; '
            'end every line with the colour of its class, such as [#3C1098]'
        )
    colours: dict[RGB, int] = {}
    pairs = [*zip(vocabulary.palette, range(len(vocabulary)), strict=True)]
    pairs += [(_rgb(colour), IGNORE_INDEX) for colour in ignored]
    for colour, index in pairs:
        if colour in colours:
            raise ValueError(
                f'{names}: the colour {colour} is used twice; every '
                'class and every ignored colour needs its own'
            )
        colours[colour] = index
    return colours


def _rgb(colour: str | RGB) -> RGB:
    if isinstance(colour, str) and re.fullmatch('#[0-9a-fA-F]{6}', colour):
        red, green, blue = bytes.fromhex(colour[1:])
        return red, green, blue
    if isinstance(colour, str) or len(colour) != 3:
        raise ValueError(
            f'{colour!r} is not a colour; write #9B9B9B or (155, 155, 155)'
        )
    return colour[0], colour[1], colour[2]


def _ranges(mapping: Mapping[int, int]) -> str:
    ids = sorted(set(mapping) - {IGNORE_INDEX})
    if ids == list(range(ids[0], ids[-1] + 1)):
        return f'{ids[0]} to {ids[-1]} and {IGNORE_INDEX} (ignored)'
    return f'{ids} and {IGNORE_INDEX} (ignored)'
