# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from data.make_folder import COLOURS, make_folder
from PIL import Image

from aeroseg.datasets import FolderDataset
from aeroseg.datasets.converters import Conversion, FolderConverter


def convert(source: Path, out: Path, **kwargs: Any) -> dict:
    options = {'masks': 'colours', 'ignore_colours': ['#9B9B9B'], 'size': 32}
    converter = FolderConverter(
        [source], source / 'names.txt', **(options | kwargs)
    )
    conversion = Conversion(converter, out, workers=1)
    for _ in conversion.run():
        pass
    return conversion.finish()


def test_every_pixel_keeps_its_class(tmp_path: Path) -> None:
    source = make_folder(tmp_path / 'source')
    summary = convert(source, tmp_path / 'out', val=['Tile 3'])
    expected = dict.fromkeys(('building', 'land', 'water'), 0)
    for path in source.glob('Tile [12]/masks/*.png'):
        rgb = np.asarray(Image.open(path).convert('RGB'))
        for name, colour in zip(expected, COLOURS, strict=False):
            expected[name] += int((rgb == colour).all(axis=-1).sum())
    found = summary['splits']['train']['pixels']
    assert {name: found[name] for name in expected} == expected
    names = (tmp_path / 'out/val.txt').read_text().split()
    assert all(name.startswith('Tile_3_part_') for name in names)


def test_the_result_is_a_folder_dataset(tmp_path: Path) -> None:
    source = make_folder(tmp_path / 'source', 'ids')
    convert(source, tmp_path / 'out', masks='ids', ignore_colours=[])
    dataset = FolderDataset(
        names=str(source / 'names.txt'),
        data_root=str(tmp_path / 'out'),
        data_prefix={
            'img_path': 'img_dir/val',
            'seg_map_path': 'ann_dir/val',
        },
    )
    assert len(dataset) == len((tmp_path / 'out/val.txt').read_text().split())


def test_the_draw_follows_its_seed(tmp_path: Path) -> None:
    source = make_folder(tmp_path / 'source')
    drawn = []
    for i, seed in enumerate((0, 0, 1)):
        convert(source, tmp_path / f'{i}', val_share=0.5, seed=seed)
        drawn.append((tmp_path / f'{i}/val.txt').read_text())
    assert drawn[0] == drawn[1] != drawn[2]


def test_what_does_not_fit(tmp_path: Path) -> None:
    source = make_folder(tmp_path / 'source')
    with pytest.raises(ValueError, match="begins with 'Tile 9'"):
        convert(source, tmp_path / 'out', val=['Tile 9'])
    with pytest.raises(FileNotFoundError, match='no partner'):
        convert(source, tmp_path / 'out', mask_dir='labels')
    with pytest.raises(ValueError, match=r'\(155, 155, 155\)'):
        convert(source, tmp_path / 'out', ignore_colours=[])
    with pytest.raises(ValueError, match='rules are'):
        convert(source, tmp_path / 'out', rule='crop')


def test_the_dubai_scenes(
    tmp_path: Path, shared_dir: Path, root: Path
) -> None:
    source = shared_dir / 'data/dubai'
    converter = FolderConverter(
        [source],
        root / 'configs/folder/dubai_names.txt',
        masks='colours',
        ignore_colours=['#9B9B9B', '#000000'],
        val=['Tile 2'],
    )
    scenes = {s.name: s for s in converter.scenes()}
    assert len(scenes) == 72
    # Tile 2 has palette masks, Tile 1 has RGB masks.
    for tile in (1, 2):
        scene = scenes[f'Tile {tile}/image_part_001']
        record = converter.convert_scene(scene, tmp_path)
        pixels = sum(sum(t['pixels'].values()) for t in record['tiles'])
        assert pixels == len(record['tiles']) * 256 * 256
        assert len({i for t in record['tiles'] for i in t['pixels']}) > 2


def test_names_that_collide_are_refused(tmp_path: Path) -> None:
    source = make_folder(tmp_path / 'source')
    options = {'val': ['Tile 3']}
    shutil.copytree(source / 'Tile 1', source / 'Tile_1')
    with pytest.raises(ValueError, match='tiles of the same name'):
        convert(source, tmp_path / 'out', **options)
    (source / 'Tile_1').rename(source / 'Tile 4')
    image = source / 'Tile 4/images/part_1.jpg'
    Image.open(image).save(image.with_suffix('.png'))
    with pytest.raises(ValueError, match='Tile 4/part_1 was found twice'):
        convert(source, tmp_path / 'out', **options)
    assert not (tmp_path / 'out').exists()


@pytest.mark.parametrize(
    'change',
    [
        {'image_dir': 'pictures'},
        {'mask_dir': 'labels'},
        {'ignore_colours': ['#9B9B9B', '#010203']},
    ],
)
def test_every_setting_is_part_of_the_record(
    tmp_path: Path, change: dict
) -> None:
    source = make_folder(tmp_path / 'source')
    convert(source, tmp_path / 'out')
    for key, folder in change.items():
        if key != 'ignore_colours':
            for tile in source.glob('Tile *'):
                (tile / f'{key[:-4]}s').rename(tile / folder)
    with pytest.raises(ValueError, match='other settings'):
        convert(source, tmp_path / 'out', **change)


def test_linked_folders_are_read(tmp_path: Path) -> None:
    source = make_folder(tmp_path / 'source')
    plain = convert(source, tmp_path / 'plain')
    images = source / 'Tile 1/images'
    images.rename(tmp_path / 'elsewhere')
    images.symlink_to(tmp_path / 'elsewhere')
    (source / 'Tile 1/loop').symlink_to(source)
    assert convert(source, tmp_path / 'out') == plain


def test_masks_that_cannot_be_right(tmp_path: Path) -> None:
    source = make_folder(tmp_path / 'source')
    with pytest.raises(ValueError, match='both be taken from'):
        convert(source, tmp_path / 'out', image_dir='masks')
    with pytest.raises(ValueError, match='belong to masks of colours'):
        convert(source, tmp_path / 'out', masks='ids')
    with pytest.raises(ValueError, match='none is left for training'):
        convert(source, tmp_path / 'out', val=['Tile'])
    mask = source / 'Tile 1/masks/part_1.png'
    Image.open(mask).save(mask, 'JPEG')
    with pytest.raises(ValueError, match='is stored as JPEG'):
        convert(source, tmp_path / 'out')
