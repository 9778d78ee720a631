# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
import json
from pathlib import Path

import numpy as np
import pytest
from data.make_cross import make_cross
from data.make_dlrsd import make_dlrsd
from data.make_isaid import make_isaid
from PIL import Image

from aeroseg.datasets.cross import BENCHMARKS, load_benchmark
from aeroseg.datasets.cross.prepare import check, convert, converter_of


def test_tiles_are_those_of_the_protocol(tmp_path: Path) -> None:
    assert converter_of('uavid', tmp_path).tile is None
    assert converter_of('uavid', tmp_path, 'segearth-ov').tile == (1280, 1080)


def test_a_set_with_its_own_converter(tmp_path: Path) -> None:
    report = convert('dlrsd', make_dlrsd(tmp_path / 'in'), tmp_path / 'out')
    assert any('val' in sentence for sentence in report)
    record = json.loads((tmp_path / 'out/manifest.json').read_text())
    assert record['settings']['dataset'] == load_benchmark('dlrsd').dataset


def test_every_set_has_a_converter(tmp_path: Path) -> None:
    make_dlrsd(tmp_path / 'dlrsd')
    make_isaid(tmp_path / 'isaid')
    for name in BENCHMARKS:
        found = converter_of(name, tmp_path / name)
        assert found.dataset == load_benchmark(name).dataset


def test_the_check_warns_and_refuses(tmp_path: Path) -> None:
    source = make_cross(tmp_path / 'in', 'udd5')
    convert('udd5', source, tmp_path / 'out')
    sentences = check(tmp_path / 'out')
    assert 'only 1 images contain' in sentences[0]
    assert 'more warnings' in sentences[-1]
    label = tmp_path / 'out/ann_dir/val/DJI_0002.png'
    Image.fromarray(np.full((32, 48), 9, np.uint8)).save(label)
    with pytest.raises(ValueError, match='holds the id 9 at column 0, row 0'):
        check(tmp_path / 'out')
