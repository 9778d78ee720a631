# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
from pathlib import Path

import numpy as np
import pytest
import rasterio
from data.make_openearthmap import make_openearthmap, write_tif
from PIL import Image

from aeroseg.datasets import OpenEarthMapDataset
from aeroseg.datasets.converters import Conversion, OpenEarthMapConverter
from aeroseg.window_starts import EndRule


def convert(source: Path, out: Path, **kwargs: object) -> dict:
    converter = OpenEarthMapConverter([source], size=64, **kwargs)
    conversion = Conversion(converter, out, workers=1)
    for _ in conversion.run():
        pass
    return conversion.finish()


def test_tiles_are_windows_of_the_scene(tmp_path: Path) -> None:
    source = make_openearthmap(tmp_path / 'source')
    out = tmp_path / 'out'
    summary = convert(source, out)
    # 128x128 -> 4, 100x130 -> 2, 128x96 -> 2, 64x64 -> 1
    assert summary['splits']['train']['tiles'] == 6
    assert summary['splits']['val']['tiles'] == 3
    with rasterio.open(source / 'aachen/labels/aachen_1.tif') as file:
        label = file.read(1)[64:128, 0:64]
    with rasterio.open(source / 'aachen/images/aachen_1.tif') as file:
        image = file.read().transpose(1, 2, 0)[64:128, 0:64]
    expected = label.astype(int) - 1
    expected[label == 0] = 255
    found = Image.open(out / 'ann_dir/train/aachen_1_64_0.png')
    assert found.mode == 'L'
    assert np.array_equal(np.asarray(found), expected)
    found = Image.open(out / 'img_dir/train/aachen_1_64_0.png')
    assert np.array_equal(np.asarray(found), image)
    assert not found.info.get('exif')


@pytest.mark.parametrize(
    ('rule', 'train', 'val'),
    [('drop', 6, 3), ('pad', 4 + 6, 4 + 1), ('clamp', 4 + 6, 4 + 1)],
)
def test_rules_and_their_counts(
    tmp_path: Path, rule: EndRule, train: int, val: int
) -> None:
    source = make_openearthmap(tmp_path / 'source')
    summary = convert(source, tmp_path / 'out', rule=rule)
    assert summary['splits']['train']['tiles'] == train
    assert summary['splits']['val']['tiles'] == val
    report = '\n'.join(summary['report'])
    assert f'train: {train} tiles, {31154 - train:,} fewer' in report
    for other in ('drop', 'pad', 'clamp'):
        assert f'rule {other}: train' in report


def test_padding_is_ignored(tmp_path: Path) -> None:
    source = make_openearthmap(tmp_path / 'source')
    convert(source, tmp_path / 'out', rule='pad')
    path = tmp_path / 'out/ann_dir/train/aachen_2_128_64.png'
    label = np.asarray(Image.open(path))
    assert (label[2:] == 255).all()
    assert (label[:, 36:] == 255).all()


def test_without_xbd(tmp_path: Path) -> None:
    source = make_openearthmap(tmp_path / 'source', with_xbd=False)
    with pytest.raises(FileNotFoundError, match=r'el_rodeo_3.*--without-xbd'):
        convert(source, tmp_path / 'out')
    assert not (tmp_path / 'out').exists()
    summary = convert(source, tmp_path / 'out', without_xbd=True)
    assert summary['splits']['val']['tiles'] == 2


def test_lists_from_elsewhere(tmp_path: Path) -> None:
    source = make_openearthmap(tmp_path / 'source')
    for name in ('train', 'val'):
        (source / f'{name}.txt').unlink()
    with pytest.raises(FileNotFoundError, match='--train-list'):
        convert(source, tmp_path / 'out')
    (tmp_path / 'one.txt').write_text('aachen_1.tif\n')
    lists = dict.fromkeys(('train', 'val'), tmp_path / 'one.txt')
    summary = convert(source, tmp_path / 'out', lists=lists)
    assert summary['splits']['val']['tiles'] == 4
    assert '1 scenes are listed for train and for val' in summary['report'][-1]


def test_a_missing_label_is_named_before_anything_is_written(
    tmp_path: Path,
) -> None:
    source = make_openearthmap(tmp_path / 'source')
    (source / 'koeln/labels/koeln_50.tif').unlink()
    with pytest.raises(FileNotFoundError, match=r'label of koeln_50\.tif'):
        convert(source, tmp_path / 'out')
    assert not (tmp_path / 'out').exists()


@pytest.mark.parametrize(
    ('bands', 'message'),
    [
        (np.full((1, 96, 128), 9, np.uint8), 'id 9 at column 0, row 0'),
        (np.ones((1, 96, 127), np.uint8), 'label .* is 127x96'),
        (np.ones((3, 96, 128), np.uint8), 'one integer per pixel'),
    ],
)
def test_a_faulty_label_is_named(
    tmp_path: Path, bands: np.ndarray, message: str
) -> None:
    source = make_openearthmap(tmp_path / 'source')
    write_tif(source / 'koeln/labels/koeln_50.tif', bands)
    with pytest.raises(ValueError, match=message) as error:
        convert(source, tmp_path / 'out')
    assert '1 of 4 scenes' in str(error.value)
    assert 'koeln_50.tif' in str(error.value)


def test_an_image_of_four_bands_is_named(tmp_path: Path) -> None:
    source = make_openearthmap(tmp_path / 'source')
    path = source / 'koeln/images/koeln_50.tif'
    write_tif(path, np.zeros((4, 96, 128), np.uint8))
    with pytest.raises(ValueError, match=r'koeln_50\.tif .*three 8-bit bands'):
        convert(source, tmp_path / 'out')


def test_another_layout(tmp_path: Path) -> None:
    tmp_path.joinpath('a.tif').write_bytes(b'')
    with pytest.raises(ValueError, match='expected the official layout'):
        convert(tmp_path, tmp_path / 'out')


def test_the_real_scene(tmp_path: Path, shared_dir: Path) -> None:
    source = shared_dir / 'data/openearthmap'
    converter = OpenEarthMapConverter([source])
    conversion = Conversion(converter, tmp_path, workers=2)
    assert len(list(conversion.run())) == 2
    pixels = conversion.finish()['splits']['val']['pixels']
    label = np.asarray(Image.open(source / 'koeln/labels/koeln_50.tif'))
    for i, name in enumerate(OpenEarthMapDataset.METAINFO['classes']):
        assert pixels[name] == (label[:768, :768] == i + 1).sum()
    dataset = OpenEarthMapDataset(
        classes='seen',
        data_root=str(tmp_path),
        data_prefix={
            'img_path': 'img_dir/val',
            'seg_map_path': 'ann_dir/val',
        },
    )
    assert len(dataset) == 9
