# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
from pathlib import Path

import pytest

from aeroseg.datasets.converters.isaid import (
    parse_tile_name,
    read_tile_list,
    tile_name,
)
from aeroseg.datasets.converters.tiling import Window


def test_names_there_and_back() -> None:
    name = 'P0189_615_871_206_462'
    assert parse_tile_name(name) == ('P0189', 615, 871, 206, 462)
    assert tile_name('P0189', Window(206, 615, 256, 256)) == name


def test_forms_of_a_list(tmp_path: Path) -> None:
    path = tmp_path / 'list.txt'
    path.write_text('val/images/a_0_1_2_3.png val/semantic_png/b.png\n\nc.png')
    assert read_tile_list(path) == ['a_0_1_2_3', 'c']


def test_a_tile_listed_twice(tmp_path: Path) -> None:
    path = tmp_path / 'list.txt'
    path.write_text('a.png\nb.png\na.png')
    with pytest.raises(ValueError, match=r'list\.txt: a is listed twice'):
        read_tile_list(path)
