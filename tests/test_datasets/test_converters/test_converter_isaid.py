# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from data.make_isaid import make_isaid, make_isaid_tiles
from PIL import Image

from aeroseg.datasets import ISAID15Dataset
from aeroseg.datasets.converters import Conversion, ISAIDConverter
from aeroseg.datasets.converters.tiling import tile_windows


def convert(*source: Path, out: Path, **kwargs: Any) -> dict:
    conversion = Conversion(ISAIDConverter(source, **kwargs), out, workers=1)
    for _ in conversion.run():
        pass
    return conversion.finish()


def expected_ids(path: Path) -> np.ndarray:
    """Read a mask of colours pixel by pixel, without a table."""
    rgb = np.asarray(Image.open(path).convert('RGB'))
    ids = np.full(rgb.shape[:2], 255, np.uint8)
    for i, colour in enumerate(ISAID15Dataset.METAINFO['palette']):
        ids[(rgb == colour).all(axis=-1)] = i
    return ids


def test_windows_selection_and_ids(tmp_path: Path) -> None:
    source = make_isaid(tmp_path / 'source')
    out = tmp_path / 'out'
    convert(source, out=out)
    wanted = {}
    for path in sorted(source.glob('*/images/P????.png')):
        mask = path.with_name(f'{path.stem}_instance_color_RGB.png')
        ids, image = expected_ids(mask), np.asarray(Image.open(path))
        for x, y, w, h in tile_windows(*ids.shape, 256, 206, 'clamp'):
            part = ids[y : y + h, x : x + w]
            if any((part == i).sum() >= 2048 for i in range(15)):
                split = path.parts[-3]
                name = f'{split}/{path.stem}_{y}_{y + h}_{x}_{x + w}.png'
                wanted[name] = (part, image[y : y + h, x : x + w])
    found = list((out / 'ann_dir').rglob('*.png'))
    assert {f'{p.parent.name}/{p.name}' for p in found} == set(wanted)
    assert len(wanted) > 5
    for name, (label, image) in wanted.items():
        written = Image.open(out / 'ann_dir' / name)
        assert written.mode == 'L'
        assert np.array_equal(np.asarray(written), label)
        written = Image.open(out / 'img_dir' / name)
        assert np.array_equal(np.asarray(written), image)


def test_every_class_survives(tmp_path: Path) -> None:
    source = make_isaid(tmp_path / 'source', {'train': ((1800, 1800),)})
    (source / 'val/images').mkdir(parents=True)
    summary = convert(source, out=tmp_path / 'out')
    counts = summary['splits']['train']['tiles_with']
    assert sum(counts[name] > 0 for name in ISAIDConverter.classes) == 15


def test_the_count_is_compared_with_the_published_one(tmp_path: Path) -> None:
    source = make_isaid(tmp_path / 'source')
    summary = convert(source, out=tmp_path / 'out')
    number = summary['splits']['train']['tiles']
    assert summary['report'][0] == (
        f'train: {number} tiles, {18076 - number:,} fewer than the published '
        '18,076'
    )
    assert 'published 6,363' in summary['report'][1]


def test_a_published_list_is_followed_exactly(tmp_path: Path) -> None:
    source = make_isaid(tmp_path / 'source')
    for split, names in {
        'train': ('P0000_0_256_0_256', 'P0000_206_462_344_600'),
        'val': ('P0002_0_256_206_462',),
    }.items():
        lines = [
            f'{split}/images/{name}.png '
            f'{split}/semantic_png/{name}_instance_color_RGB.png'
            for name in names
        ]
        (tmp_path / f'{split}.txt').write_text('\n'.join(lines))
    lists = {s: tmp_path / f'{s}.txt' for s in ('train', 'val')}
    out = tmp_path / 'out'
    summary = convert(source, out=out, lists=lists)
    written = sorted(p.name for p in (out / 'img_dir').rglob('*.png'))
    assert written == [
        'P0000_0_256_0_256.png',
        'P0000_206_462_344_600.png',
        'P0002_0_256_206_462.png',
    ]
    assert 'the rule would add' in summary['report'][-1]


@pytest.mark.parametrize(
    ('line', 'error', 'message'),
    [
        ('P0009_0_256_0_256', FileNotFoundError, 'no image for P0009'),
        ('P0000_0_256_900_1156', ValueError, 'extends beyond'),
        ('P0000', ValueError, 'is not a tile name'),
        ('P0000_0_256_0_256\nP0000_0_256_0_256', ValueError, 'listed twice'),
        ('', ValueError, 'no tile listed'),
    ],
)
def test_a_wrong_list(
    tmp_path: Path, line: str, error: type[Exception], message: str
) -> None:
    source = make_isaid(tmp_path / 'source')
    (tmp_path / 'list.txt').write_text(line)
    lists = {'train': tmp_path / 'list.txt'}
    with pytest.raises(error, match=message):
        convert(source, out=tmp_path / 'out', lists=lists)


@pytest.mark.parametrize('layout', ['isaid-5i', 'bundle'])
def test_ready_made_tiles(tmp_path: Path, layout: str) -> None:
    source = make_isaid_tiles(tmp_path / 'iSAID_split', layout)
    archive = shutil.make_archive(
        str(tmp_path / 'a'), 'zip', tmp_path, 'iSAID_split'
    )
    for i, given in enumerate((source, Path(archive))):
        out = tmp_path / f'out{i}'
        summary = convert(given, out=out)
        assert summary['settings']['layout'] == layout
        assert summary['splits']['train']['tiles'] == 3
        name = 'train/P0000_0_256_206_462'
        label = np.asarray(Image.open(out / f'ann_dir/{name}.png'))
        stem, ending = source.joinpath(name).parent, '.png'
        if layout == 'isaid-5i':
            folder, ending = 'semantic_png', '_instance_color_RGB.png'
            shift = 1
        else:
            folder, shift = 'D2masks', 0
        raw = np.asarray(
            Image.open(stem / folder / f'P0000_0_256_206_462{ending}')
        )
        raw = raw[..., 0] if raw.ndim == 3 else raw
        object_ = label != 255
        assert np.array_equal(label[object_], raw[object_] - shift)
        assert set(np.unique(raw[~object_])) == {0 if shift else 255}


def test_all_layouts_agree(tmp_path: Path) -> None:
    labels = []
    for layout in ('isaid-5i', 'bundle'):
        source = make_isaid_tiles(tmp_path / layout, layout)
        convert(source, out=tmp_path / f'out-{layout}')
        labels.append(
            [
                path.read_bytes()
                for path in sorted(
                    (tmp_path / f'out-{layout}/ann_dir').rglob('*.png')
                )
            ]
        )
    assert labels[0] == labels[1]
    assert len(labels[0]) == 5


def test_a_missing_mask_and_a_missing_image(tmp_path: Path) -> None:
    source = make_isaid(tmp_path / 'source')
    mask = source / 'train/images/P0000_instance_color_RGB.png'
    content = mask.read_bytes()
    mask.unlink()
    with pytest.raises(FileNotFoundError, match='no mask for P0000'):
        convert(source, out=tmp_path / 'out')
    assert not (tmp_path / 'out').exists()
    mask.write_bytes(content)
    (source / 'train/images/P0000.png').unlink()
    with pytest.raises(FileNotFoundError, match=r'P0000; .*--skip-missing'):
        convert(source, out=tmp_path / 'out')
    convert(source, out=tmp_path / 'out', skip_missing=True)
    assert not list((tmp_path / 'out').rglob('P0000*.png'))


def test_an_unknown_colour_is_named_with_its_pixel(tmp_path: Path) -> None:
    source = make_isaid(tmp_path / 'source')
    path = source / 'train/images/P0000_instance_color_RGB.png'
    mask = np.asarray(Image.open(path)).copy()
    mask[7, 9] = (1, 2, 3)
    Image.fromarray(mask).save(path)
    with pytest.raises(
        ValueError, match=r'P0000_.*\(1, 2, 3\) at column 9, row 7'
    ):
        convert(source, out=tmp_path / 'out')


def test_a_mask_of_another_size(tmp_path: Path) -> None:
    source = make_isaid(tmp_path / 'source')
    path = source / 'train/images/P0000_instance_color_RGB.png'
    Image.open(path).crop((0, 0, 512, 400)).save(path)
    with pytest.raises(
        ValueError, match=r'600x500 px but its label .* 512x40'
    ):
        convert(source, out=tmp_path / 'out')


def test_a_truncated_image(tmp_path: Path) -> None:
    source = make_isaid(tmp_path / 'source')
    path = source / 'train/images/P0000.png'
    path.write_bytes(path.read_bytes()[:20000])
    with pytest.raises(ValueError, match=r'P0000\.png cannot be read'):
        convert(source, out=tmp_path / 'out')


def test_scenes_that_the_devkit_leaves_out(tmp_path: Path) -> None:
    source = make_isaid(tmp_path / 'source')
    for path in (source / 'train/images').glob('P0000*'):
        path.rename(path.with_name(path.name.replace('P0000', 'P1527')))
    convert(source, out=tmp_path / 'out')
    assert not list((tmp_path / 'out').rglob('P1527*'))


def test_files_outside_train_and_val(tmp_path: Path) -> None:
    source = make_isaid(tmp_path / 'source')
    (source / 'train').rename(source / 'part1')
    (source / 'val').rename(source / 'part2')
    with pytest.raises(ValueError, match='below a folder "train"'):
        convert(source, out=tmp_path / 'out')
    (tmp_path / 'empty').mkdir()
    with pytest.raises(ValueError, match='no iSAID masks'):
        convert(tmp_path / 'empty', out=tmp_path / 'out')


def test_real_scenes(tmp_path: Path, shared_dir: Path) -> None:
    source = shared_dir / 'data/isaid'
    summary = convert(source, out=tmp_path, skip_missing=True)
    counts = summary['splits']['val']['tiles_with']
    present = {name for name, n in counts.items() if n and name != 'ignored'}
    assert present == {'small vehicle', 'large vehicle', 'storage tank'}
    ids = expected_ids(source / 'val/images/P0003_instance_color_RGB.png')
    for path in (tmp_path / 'ann_dir/val').glob('*.png'):
        y0, y1, x0, x1 = map(int, path.stem.split('_')[1:])
        assert np.array_equal(np.asarray(Image.open(path)), ids[y0:y1, x0:x1])
