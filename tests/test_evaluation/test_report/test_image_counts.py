# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The file of counts per image."""

from pathlib import Path

import numpy as np
import pytest

from aeroseg.evaluation.report.image_counts import ImageCounts, sparse_rows


def made(images: int = 3, classes: int = 5, seed: int = 0) -> ImageCounts:
    rng = np.random.default_rng(seed)
    tables = rng.integers(0, 9, (images, classes, 6))
    tables[rng.random((images, classes)) < 0.5] = 0
    rows = [(f'ü/{i}.png', sparse_rows(t)) for i, t in enumerate(tables)]
    names = [f'class {i}' for i in range(classes)]
    marks = [i % 2 == 0 for i in range(classes)]
    return ImageCounts.join(rows, names, marks, 3)


def test_sparse_rows_hold_what_the_tables_held() -> None:
    table = np.zeros((4, 6), np.int64)
    table[2] = [0, 7, 0, 0, 1, 0]
    assert sparse_rows(table).tolist() == [[2, 0, 7, 0, 0, 1, 0]]
    counts = ImageCounts.join(
        [('a', sparse_rows(table)), ('b', sparse_rows(0 * table))],
        'wxyz',
        None,
        1,
    )
    np.testing.assert_array_equal(counts.dense()[0], table[:, :3])
    np.testing.assert_array_equal(counts.dense(True)[0], table[:, 3:])
    assert not counts.dense()[1].any()
    assert counts.dense(first=1).shape == (1, 4, 3)


@pytest.mark.parametrize('seen', [True, False])
def test_the_file_gives_back_everything(tmp_path: Path, seen: bool) -> None:
    counts = made()
    if not seen:
        counts = ImageCounts(**{**vars(counts), 'seen': None})
    counts.write(tmp_path / 'counts.npz')
    again = ImageCounts.read(tmp_path / 'counts.npz')
    assert again.images == counts.images
    assert again.classes == counts.classes
    assert again.seen == counts.seen
    assert again.boundary_width == 3
    np.testing.assert_array_equal(again.dense(), counts.dense())
    np.testing.assert_array_equal(again.dense(True), counts.dense(True))


def test_an_image_takes_little(tmp_path: Path) -> None:
    path = tmp_path / 'counts.npz'
    made(images=2000, classes=15).write(path)
    assert path.stat().st_size < 150 * 2000


def test_damaged_and_other_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / 'counts.npz'
    with pytest.raises(FileNotFoundError, match='--report full writes it'):
        ImageCounts.read(path)
    made().write(path)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match='damaged or no file of counts'):
        ImageCounts.read(path)
    path.write_text('no zip file')
    with pytest.raises(ValueError, match='damaged or no file of counts'):
        ImageCounts.read(path)
    np.savez(path, format=np.array('another/1'))
    with pytest.raises(ValueError, match='another/1'):
        ImageCounts.read(path)
    np.savez(path, format=np.array([object()], dtype=object))
    with pytest.raises(ValueError, match='damaged or no file of counts'):
        ImageCounts.read(path)


def test_a_row_of_no_image_is_refused(tmp_path: Path) -> None:
    counts = made()
    counts.image[-1] = 99
    counts.write(tmp_path / 'counts.npz')
    with pytest.raises(ValueError, match='of no image'):
        ImageCounts.read(tmp_path / 'counts.npz')
