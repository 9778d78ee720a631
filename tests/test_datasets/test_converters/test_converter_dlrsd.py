# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
import hashlib
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from data.make_dlrsd import (
    FOLDERS,
    PER_FOLDER,
    make_dlrsd,
    make_dlrsd_bundle,
)
from PIL import Image

from aeroseg.datasets.converters import Conversion, DLRSDConverter


def convert(source: Path, out: Path, **kwargs: Any) -> dict:
    conversion = Conversion(DLRSDConverter([source], **kwargs), out, workers=1)
    for _ in conversion.run():
        pass
    return conversion.finish()


def names(out: Path, split: str) -> list[str]:
    listed = (out / f'{split}.txt').read_text().split()
    written = (out / 'img_dir' / split).glob('*.png')
    assert sorted(p.stem for p in written) == listed
    return listed


def contents(out: Path, split: str) -> list[bytes]:
    return [p.read_bytes() for p in (out / 'img_dir' / split).glob('*.png')]


def test_dedup_takes_every_picture_once(tmp_path: Path) -> None:
    source = make_dlrsd(tmp_path / 'source')
    summary = convert(source, tmp_path / 'out')
    train, val = (names(tmp_path / 'out', s) for s in ('train', 'val'))
    # One folder has nine distinct images: 7 and 2; the others 8 and 2.
    assert (len(train), len(val)) == (23, 6)
    for folder in FOLDERS:
        assert sum(name.startswith(folder) for name in val) == 2
    assert not set(contents(tmp_path / 'out', 'train')) & set(
        contents(tmp_path / 'out', 'val')
    )
    assert '0 of 6 val tiles (0.0 %)' in summary['report'][-1]


def test_published_makes_a_copy_per_class(tmp_path: Path) -> None:
    source = make_dlrsd(tmp_path / 'source')
    summary = convert(source, tmp_path / 'out', split='published')
    train, val = (names(tmp_path / 'out', s) for s in ('train', 'val'))
    labels = sorted((source / 'Labels').rglob('*.png'))
    wanted = {
        f'{path.stem}_{i - 1:02d}'
        for path in labels
        for i in np.unique(np.asarray(Image.open(path)))
    }
    assert set(train) | set(val) == wanted
    assert not set(train) & set(val)
    assert len(train) == int(0.8 * len(wanted))
    shared = set(contents(tmp_path / 'out', 'train'))
    number = sum(c in shared for c in contents(tmp_path / 'out', 'val'))
    assert number > 0
    assert f'{number} of {len(val)} val tiles' in summary['report'][-1]
    distinct: Counter = Counter()
    for path in labels:
        image = source / 'Images' / path.parent.name / f'{path.stem}.tif'
        digest = hashlib.sha256(image.read_bytes()).hexdigest()
        distinct[digest] = len(np.unique(np.asarray(Image.open(path))))
    total = sum(distinct.values())
    assert f'{total} distinct labels in total' in summary['report'][2]
    assert 'expected 7,002' in summary['report'][2]


@pytest.mark.parametrize('split', ['dedup', 'published'])
def test_the_seed_decides(tmp_path: Path, split: str) -> None:
    source = make_dlrsd(tmp_path / 'source')
    results = []
    for i, seed in enumerate((0, 0, 1)):
        convert(source, tmp_path / f'{i}', split=split, seed=seed)
        results.append(names(tmp_path / f'{i}', 'val'))
    assert results[0] == results[1] != results[2]


def test_ids_are_shifted_and_palettes_resolved(tmp_path: Path) -> None:
    source = make_dlrsd(tmp_path / 'source')
    convert(source, tmp_path / 'out')
    for path in (tmp_path / 'out/ann_dir').rglob('*.png'):
        folder = path.stem.rstrip('0123456789')
        official = Image.open(source / 'Labels' / folder / path.name)
        assert official.mode == 'P'
        written = Image.open(path)
        assert written.mode == 'L'
        assert np.array_equal(np.asarray(written) + 1, np.asarray(official))


def test_the_bundle_brings_the_published_split(tmp_path: Path) -> None:
    source = make_dlrsd_bundle(tmp_path / 'DLRSD_split', ('train', 'val'))
    summary = convert(source, tmp_path / 'out', split='published')
    assert summary['splits']['train']['tiles'] == 6
    assert summary['splits']['val']['tiles'] == 6
    raw = np.asarray(Image.open(source / 'val/D2masks/beach03.png'))
    written = np.asarray(Image.open(tmp_path / 'out/ann_dir/val/beach03.png'))
    assert np.array_equal(raw, written)


def test_both_parts_of_a_bundle_are_split_anew(tmp_path: Path) -> None:
    source = make_dlrsd_bundle(tmp_path / 'DLRSD_split', ('train', 'val'))
    summary = convert(source, tmp_path / 'out')
    train, val = (names(tmp_path / 'out', s) for s in ('train', 'val'))
    assert len(train) + len(val) == 12
    assert {n.split('_')[0] for n in train} == {'train', 'val'}
    assert summary['report'][-1].startswith('0 of 2 val tiles')


def test_a_bundle_without_split_can_be_split(tmp_path: Path) -> None:
    source = make_dlrsd_bundle(tmp_path / 'DLRSD', ('',))
    summary = convert(source, tmp_path / 'out')
    assert summary['splits']['train']['tiles'] == 5
    assert summary['splits']['val']['tiles'] == 1


def test_missing_parts(tmp_path: Path) -> None:
    source = make_dlrsd(tmp_path / 'source')
    label = source / 'Labels/beach/beach03.png'
    content = label.read_bytes()
    label.unlink()
    with pytest.raises(FileNotFoundError, match=r'beach03\.tif has no label'):
        convert(source, tmp_path / 'out')
    label.write_bytes(content)
    (source / 'Images/beach/beach03.tif').unlink()
    with pytest.raises(FileNotFoundError, match=r'beach03\.png has no image'):
        convert(source, tmp_path / 'out')
    with pytest.raises(ValueError, match='no DLRSD labels'):
        convert(source / 'Images', tmp_path / 'out')
    with pytest.raises(ValueError, match="split='half'; allowed are"):
        convert(source, tmp_path / 'out', split='half')
    assert not (tmp_path / 'out').exists()


def test_an_id_of_zero_is_unknown(tmp_path: Path) -> None:
    source = make_dlrsd(tmp_path / 'source')
    path = source / 'Labels/beach/beach03.png'
    label = np.asarray(Image.open(path)).copy()
    label[5, 6] = 0
    Image.fromarray(label).save(path)
    with pytest.raises(ValueError, match='id 0 at column 6, row 5'):
        convert(source, tmp_path / 'out')


def test_sizes_of_the_official_split() -> None:
    assert PER_FOLDER * len(FOLDERS) == 30
    assert round(0.8 * 100) * 21 == 1680
    assert int(0.8 * 7002) == 5601
