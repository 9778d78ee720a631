# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
import io
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from aeroseg.datasets.converters.converter import (
    Converter,
    Scene,
    Tile,
    compare,
    shared_images,
)
from aeroseg.datasets.converters.source import SourceFile, list_files
from aeroseg.datasets.converters.tiling import Window
from aeroseg.datasets.labels import IdTable, read_label


class Whole(Converter):
    """The smallest converter: one tile per scene."""

    dataset = 'whole'
    classes = ('a', 'b')
    settings = {}

    def scenes(self) -> list[Scene]:
        return []

    def read_label(self, content: bytes, file: SourceFile) -> np.ndarray:
        return read_label(content, file, IdTable({0: 0, 1: 1}))

    def tiles(self, scene: Scene, label: np.ndarray) -> Iterable[Tile]:
        return [Tile('train', scene.name, Window(0, 0, 4, 3))]


def scene(folder: Path, image: Image.Image, ids: np.ndarray) -> Scene:
    folder.mkdir()
    image.save(folder / '0.png')
    Image.fromarray(ids).save(folder / '1.png')
    return Scene('s', *list_files([folder], ['.png']))


@pytest.mark.parametrize('mode', ['RGB', 'L', 'P'])
def test_pictures_that_can_be_taken_as_rgb(tmp_path: Path, mode: str) -> None:
    rgb = np.full((3, 4, 3), 60, np.uint8)
    # 1: a palette made for this picture, not the colours of the web.
    image = Image.fromarray(rgb).convert(mode, palette=1)
    one = scene(tmp_path / 'in', image, np.eye(3, 4, dtype=np.uint8))
    record = Whole().convert_scene(one, tmp_path / 'out')
    written = Image.open(tmp_path / 'out/img_dir/train/s.png')
    assert np.array_equal(np.asarray(written), rgb)
    assert record['size'] == [4, 3]
    assert record['tiles'][0]['pixels'] == {'0': 9, '1': 3}


@pytest.mark.parametrize('mode', ['RGBA', 'I;16', 'F'])
def test_pictures_that_cannot(tmp_path: Path, mode: str) -> None:
    one = scene(
        tmp_path / 'in', Image.new('RGB', (4, 3)), np.zeros((3, 4), np.uint8)
    )
    buffer = io.BytesIO()
    Image.new(mode, (4, 3)).save(buffer, 'TIFF')
    (tmp_path / 'in/0.png').write_bytes(buffer.getvalue())
    with pytest.raises(ValueError, match='three 8-bit bands'):
        Whole().convert_scene(one, tmp_path / 'out')
    assert not (tmp_path / 'out').exists()


def tile(split: str, digest: str) -> dict:
    return {'tiles': [{'split': split, 'img_dir': {'sha256': digest}}]}


def test_sentences_about_numbers() -> None:
    records = [tile('train', 'a'), tile('train', 'b'), tile('val', 'c')]
    assert compare(records, {'train': 1, 'val': 1, 'test': 4}) == [
        'train: 2 tiles, 1 more than the published 1',
        'val: 1 tiles, as published',
        'test: 0 tiles, 4 fewer than the published 4',
    ]


def test_shared_images() -> None:
    records = [tile('train', 'a'), tile('val', 'a'), tile('val', 'b')]
    assert shared_images(records).startswith('1 of 2 val tiles (50.0 %)')
