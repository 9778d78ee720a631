# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Every official layout becomes checked tiles with the right ids."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from data.make_cross import SIZE, make_cross, paths
from PIL import Image

from aeroseg.datasets.converters import Conversion
from aeroseg.datasets.cross import BenchmarkConverter, load_benchmark
from aeroseg.datasets.cross.converter import CONVERTED
from aeroseg.datasets.labels import IdTable


def convert(source: Path, name: str, out: Path, **options: object) -> dict:
    converter = BenchmarkConverter([source], name, **options)
    conversion = Conversion(converter, out, workers=1)
    for _ in conversion.run():
        pass
    return conversion.finish()


def expected_ids(name: str, path: Path) -> np.ndarray:
    """Class ids of an official label, pixel by pixel."""
    pixels = np.asarray(Image.open(path))
    table = load_benchmark(name).layout.table
    if isinstance(table, IdTable):
        return np.vectorize(table.mapping.__getitem__)(pixels)
    return np.array(
        [[table.colours[tuple(map(int, p))] for p in row] for row in pixels]
    )


@pytest.mark.parametrize('name', CONVERTED)
def test_images_and_ids_of_the_official_files(
    tmp_path: Path, name: str
) -> None:
    source = make_cross(tmp_path / name, name)
    summary = convert(source, name, tmp_path / 'out')
    pairs = paths(name)
    assert summary['scenes'] == len(pairs)
    width, height = SIZE
    ids = []
    for place in sorted((tmp_path / 'out/ann_dir').glob('*/*.png')):
        label = np.asarray(Image.open(place))
        image = Image.open(str(place).replace('ann_dir', 'img_dir'))
        assert image.size == label.shape[::-1]
        # Sets in tiles pad these small pictures with ignored pixels.
        assert (label[height:] == 255).all()
        assert (label[:, width:] == 255).all()
        ids.append(label[:height, :width].tobytes())
    wanted = [
        expected_ids(name, source / label).astype(np.uint8).tobytes()
        for _, label in pairs
    ]
    assert sorted(ids) == sorted(wanted)


def test_splits_come_from_folders_or_from_the_official_list(
    tmp_path: Path,
) -> None:
    for name, tiles in (
        ('uavid', {'train': 2, 'val': 1, 'test': 1}),
        ('potsdam', {'train': 2, 'val': 2}),
    ):
        source = make_cross(tmp_path / name, name)
        found = convert(source, name, tmp_path / f'{name}_out')['splits']
        assert {s: part['tiles'] for s, part in found.items()} == tiles


def test_archives_are_read_in_place(tmp_path: Path) -> None:
    source = make_cross(tmp_path / 'source', 'loveda')
    for split in ('Train', 'Val', 'Test'):
        shutil.make_archive(
            str(tmp_path / f'zips/{split}'), 'zip', source, split
        )
    summary = convert(tmp_path / 'zips', 'loveda', tmp_path / 'out')
    assert summary['scenes'] == 4


def test_parts_without_labels_are_left_out_and_counted(tmp_path: Path) -> None:
    source = make_cross(tmp_path / 'source', 'loveda')
    summary = convert(source, 'loveda', tmp_path / 'out')
    assert 'test' not in summary['splits']
    sentence = 'test: 2 images have no labels and are left out'
    assert sentence in summary['report']


def test_last_tiles_end_at_the_edge(tmp_path: Path) -> None:
    source = make_cross(tmp_path / 'source', 'uavid')
    summary = convert(source, 'uavid', tmp_path / 'out', tile=(20, 32))
    names = sorted(p.name for p in (tmp_path / 'out/img_dir/val').iterdir())
    assert names == [f'seq16_000000_0_{x}.png' for x in (0, 20, 28)]
    assert 'val: 3 tiles' in summary['report']
    # Another size in the same folder is refused.
    with pytest.raises(ValueError, match='conversion with other settings'):
        convert(source, 'uavid', tmp_path / 'out')


def test_whole_images_of_a_set_in_tiles(tmp_path: Path) -> None:
    source = make_cross(tmp_path / 'source', 'potsdam')
    convert(source, 'potsdam', tmp_path / 'out', tile=(0, 0))
    sizes = {
        Image.open(p).size for p in (tmp_path / 'out/img_dir').glob('*/*.png')
    }
    assert sizes == {SIZE}


def test_a_second_run_does_what_is_left(tmp_path: Path) -> None:
    source = make_cross(tmp_path / 'source', 'vdd')
    convert(source, 'vdd', tmp_path / 'out')
    before = (tmp_path / 'out/tiles.jsonl').read_bytes()
    (tmp_path / 'out/ann_dir/val/DJI_0001.png').unlink()
    conversion = Conversion(
        BenchmarkConverter([source], 'vdd'), tmp_path / 'out', workers=1
    )
    assert [scene.name for scene in conversion.todo] == ['val/DJI_0001']
    for _ in conversion.run():
        pass
    conversion.finish()
    assert (tmp_path / 'out/tiles.jsonl').read_bytes() == before


def test_another_dataset_is_named(tmp_path: Path) -> None:
    source = make_cross(tmp_path / 'source', 'floodnet')
    with pytest.raises(
        ValueError, match=r'no file of UAVid in .*The files look like FloodNet'
    ):
        BenchmarkConverter([source], 'uavid').scenes()


def test_missing_labels_and_images(tmp_path: Path) -> None:
    source = make_cross(tmp_path / 'source', 'udd5')
    label = source / 'train/gt/DJI_0001.png'
    label.rename(tmp_path / 'aside.png')
    with pytest.raises(
        FileNotFoundError, match=r'1 of 3 files of UDD5 have no label, .*0001'
    ):
        BenchmarkConverter([source], 'udd5').scenes()
    (tmp_path / 'aside.png').rename(label)
    (source / 'val/src/DJI_0002.JPG').unlink()
    with pytest.raises(FileNotFoundError, match='have no image, the first is'):
        BenchmarkConverter([source], 'udd5').scenes()
    shutil.rmtree(source / 'train/gt')
    shutil.rmtree(source / 'val/gt')
    with pytest.raises(
        FileNotFoundError, match='2 images of UDD5 but no label in'
    ):
        BenchmarkConverter([source], 'udd5').scenes()


def test_unknown_colours_are_refused_or_counted(tmp_path: Path) -> None:
    source = make_cross(tmp_path / 'source', 'potsdam')
    path = source / paths('potsdam')[0][1]
    pixels = np.asarray(Image.open(path)).copy()
    pixels[3, 5:8] = (252, 255, 0)
    Image.fromarray(pixels).save(path)
    with pytest.raises(
        ValueError, match=r'colour \(252, 255, 0\) at column 5'
    ):
        convert(source, 'potsdam', tmp_path / 'out', tile=(0, 0))
    summary = convert(
        source, 'potsdam', tmp_path / 'o2', tile=(0, 0), ignore_unknown=True
    )
    assert any('3 px of 1 masks' in line for line in summary['report'])
    written = Image.open(tmp_path / 'o2/ann_dir/train/potsdam_2_10.png')
    assert (np.asarray(written)[3, 5:8] == 255).all()


def test_options_that_do_not_fit(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match='hold ids, not colours'):
        BenchmarkConverter([tmp_path], 'vdd', ignore_unknown=True)
    with pytest.raises(ValueError, match='dlrsd has a converter of its own'):
        BenchmarkConverter([tmp_path], 'dlrsd')
