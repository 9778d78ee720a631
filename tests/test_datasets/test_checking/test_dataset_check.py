# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
import io
import shutil
from pathlib import Path

import numpy as np
import pytest
from data.make_pairs import make_pairs
from PIL import Image

from aeroseg.datasets import OpenEarthMapDataset
from aeroseg.datasets.checking import DatasetCheck, Finding


def dataset(root: Path, split: str, **kwargs: object) -> OpenEarthMapDataset:
    return OpenEarthMapDataset(
        data_root=str(root),
        data_prefix={
            'img_path': f'img_dir/{split}',
            'seg_map_path': f'ann_dir/{split}',
        },
        **kwargs,
    )


def check(root: Path, sample: int | None = None) -> DatasetCheck:
    splits = {split: dataset(root, split) for split in ('train', 'val')}
    return DatasetCheck(splits, sample)


def findings(root: Path, workers: int = 1) -> list[Finding]:
    one = check(root)
    assert len(list(one.run(workers))) == len(one)
    return one.findings()


def texts(root: Path, level: str) -> list[str]:
    return [str(f) for f in findings(root) if f.level == level]


def labels(root: Path, split: str = 'train') -> list[Path]:
    return sorted((root / 'ann_dir' / split).glob('*.png'))


def rewrite(paths: list[Path], array: np.ndarray) -> None:
    for path in paths:
        Image.fromarray(array).save(path)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    make_pairs(tmp_path, 'train', number=4, seed=1)
    return make_pairs(tmp_path, 'val', number=24, seed=2)


@pytest.mark.parametrize('workers', [1, 2])
def test_sound_data(root: Path, workers: int) -> None:
    assert findings(root, workers) == []


def test_the_table_counts_pixels_and_tiles(root: Path) -> None:
    one = check(root)
    list(one.run())
    raw = np.stack([np.asarray(Image.open(p)) for p in labels(root)])
    names = OpenEarthMapDataset.METAINFO['classes']
    for i, name in enumerate(names):
        assert one.table()['train'][name] == [(raw == i).sum(), 4]
    assert one.table()['train']['ignored'] == [(raw == 255).sum(), 4]


def test_seen_classes_only_are_checked_with_all_ids(root: Path) -> None:
    one = DatasetCheck({'train': dataset(root, 'train', classes='seen')})
    list(one.run())
    assert one.findings() == []
    assert one.table()['train']['tree'][0] > 0


def save_packed(path: Path, palette: list[int]) -> None:
    """Save a label in mode P; Pillow packs it by the size of the palette."""
    image = Image.open(path)
    broken = Image.frombytes('P', image.size, image.tobytes())
    if palette:
        broken.putpalette(palette)
    buffer = io.BytesIO()
    broken.save(buffer, 'PNG')
    path.write_bytes(buffer.getvalue())


def test_the_palette_fault_without_a_palette(root: Path) -> None:
    for path in labels(root):
        save_packed(path, [])
    if len(np.unique(np.asarray(Image.open(path)))) > 2:
        pytest.skip('this Pillow keeps the ids of palette images')
    errors = texts(root, 'error')
    assert len(errors) == 4
    assert 'has the palette fault: a PNG of mode P with 1 colours' in errors[0]
    assert 'write it again, ids in mode L' in errors[0]


def test_the_palette_fault_with_a_short_palette(root: Path) -> None:
    for path in labels(root):
        save_packed(path, [0, 0, 0, 255, 255, 255])
    if len(np.unique(np.asarray(Image.open(path)))) > 2:
        pytest.skip('this Pillow keeps the ids of palette images')
    (error,) = texts(root, 'error')
    assert 'hold only 0 and 1, of 8 classes' in error
    assert '4 of them are palette PNG with less than 8 bit' in error
    assert 'palette fault' in error
    assert 'Run the converter again' in error


def test_two_ids_in_grey_labels_are_no_palette_fault(root: Path) -> None:
    rewrite(labels(root), np.eye(64, 48, dtype=np.uint8))
    assert texts(root, 'error') == []
    warnings = texts(root, 'warning')
    assert 'hold only 0 and 1, of 8 classes' in warnings[0]
    # The seen classes that are missing, not the unseen ones.
    assert "no label has 'road', 'building'" in warnings[0]


def test_masks_of_0_and_255(root: Path) -> None:
    array = np.zeros((64, 48), np.uint8)
    array[10:20] = 255
    rewrite(labels(root), array)
    assert 'hold only 0 and 255' in texts(root, 'error')[0]


def test_ids_shifted_by_one(root: Path) -> None:
    for path in labels(root):
        array = np.asarray(Image.open(path))
        rewrite([path], np.where(array == 255, 255, array + 1))
    errors = texts(root, 'error')
    assert 'hold 1 to 8, expected 0 to 7' in errors[0]
    assert 'reduce_zero_label=True' in errors[0]
    assert 'id 8 at column' in errors[1]


def test_unknown_ids_are_shown_a_few_times(root: Path) -> None:
    for path in labels(root, 'val'):
        array = np.asarray(Image.open(path)).copy()
        array[3, 4] = 77
        rewrite([path], array)
    errors = texts(root, 'error')
    assert len(errors) == 6
    assert 'id 77 at column 4, row 3' in errors[0]
    assert '19 more faults' in errors[5]


def test_sizes_modes_and_damage(root: Path) -> None:
    rewrite(labels(root)[:1], np.zeros((64, 47), np.uint8))
    image = root / 'img_dir/train/1.png'
    Image.open(image).convert('L').save(image)
    broken = root / 'img_dir/train/2.png'
    broken.write_bytes(broken.read_bytes()[:60])
    errors = '\n'.join(texts(root, 'error'))
    assert 'is 47x64 px, its image is 48x64 px' in errors
    assert 'is not RGB but L' in errors
    assert '2.png cannot be read' in errors


def test_empty_tiles_and_mixed_sizes(root: Path) -> None:
    rewrite(labels(root)[:2], np.full((64, 48), 255, np.uint8))
    assert '2 of 4 labels are all ignored' in texts(root, 'warning')[0]
    rewrite([root / 'img_dir/train/0.png'], np.zeros((8, 9, 3), np.uint8))
    rewrite([root / 'ann_dir/train/0.png'], np.zeros((8, 9), np.uint8))
    assert '2 sizes, mostly 48x64 (3), 9x8 (1)' in texts(root, 'note')[0]


def test_labels_without_a_single_class_are_refused(root: Path) -> None:
    rewrite(labels(root), np.full((64, 48), 255, np.uint8))
    assert 'train: all 4 labels that were read hold only 255' in '\n'.join(
        texts(root, 'error')
    )


def test_absent_and_rare_classes(root: Path) -> None:
    for number, path in enumerate(labels(root, 'val')):
        array = np.asarray(Image.open(path)).copy()
        array[array == 5] = 255
        if number >= 6:
            array[array == 7] = 255
        rewrite([path], array)
    warnings = texts(root, 'warning')
    assert "val: no pixel of 'water'" in warnings[0]
    assert 'only 6 images contain' in warnings[1]
    assert "'building'" in warnings[1]


def test_a_seen_class_that_is_never_shown(root: Path) -> None:
    for path in labels(root):
        array = np.asarray(Image.open(path)).copy()
        array[(array == 3) | (array == 4)] = 0
        rewrite([path], array)
    (warning,) = texts(root, 'warning')
    # 'tree' (4) is unseen and may be absent; 'road' (3) may not.
    assert "no pixel of 'road', a class to be trained" in warning


def test_pictures_on_both_sides_by_content(root: Path) -> None:
    image = Image.open(root / 'img_dir/train/2.png')
    # Another file of the same picture: only the content is equal.
    image.save(root / 'img_dir/val/9.png', compress_level=1)
    shutil.copy(root / 'ann_dir/train/2.png', root / 'ann_dir/val/9.png')
    (warning,) = texts(root, 'warning')
    assert '1 pictures are in train and in val (of 24 pairs' in warning
    shutil.copy(root / 'img_dir/train/2.png', root / 'img_dir/train/3.png')
    assert '1 of 4 pairs repeat a picture' in texts(root, 'note')[0]


def test_a_sample_is_spread_and_says_nothing_about_rare_classes(
    root: Path,
) -> None:
    one = check(root, sample=3)
    list(one.run())
    names = [Path(p.image).name for p in one.pairs['val']]
    assert len(names) == 3
    assert names[0] == '0.png'
    assert names[-1] == sorted(f'{i}.png' for i in range(24))[-1]
    assert one.findings() == []
