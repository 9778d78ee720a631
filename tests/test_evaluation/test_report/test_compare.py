# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Two runs are compared only if they are of the same images and labels."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from aeroseg.evaluation.report import (
    ImageCounts,
    compare_reports,
    find_counts,
)
from aeroseg.evaluation.report.image_counts import sparse_rows


def made(
    quality: float, order: tuple[int, ...] = tuple(range(30))
) -> ImageCounts:
    rng = np.random.default_rng(0)
    truth = rng.integers(50, 200, (30, 3))
    both = (quality * truth).astype(np.int64)
    table = np.stack([both, truth, truth, both // 5, truth // 4, truth // 4])
    table = table.transpose(1, 2, 0)
    rows = [(f'{i}.png', sparse_rows(table[i])) for i in order]
    return ImageCounts.join(rows, 'abc', (True, False, True), 3)


def test_the_order_of_images_does_not_matter() -> None:
    plain = compare_reports(made(0.5), made(0.7))
    turned = compare_reports(made(0.5), made(0.7, tuple(range(29, -1, -1))))
    assert plain == turned
    difference = plain['IoU']['h-mIoU']
    assert 15 < difference['low'] < difference['value'] < 25
    assert difference['above'] == 1
    assert plain['boundary_IoU']['mIoU']['value'] > 0


def test_boundaries_of_another_width_are_not_compared() -> None:
    other = replace(made(0.7), boundary_width=5)
    assert set(compare_reports(made(0.5), other)) == {'images', 'IoU'}


def test_other_images_classes_and_labels_are_refused() -> None:
    first = made(0.5)
    with pytest.raises(ValueError, match='5 are in one of them only'):
        compare_reports(first, made(0.7, tuple(range(25))))
    with pytest.raises(ValueError, match='scored on other classes'):
        compare_reports(first, replace(first, classes=('a', 'b', 'd')))
    changed = replace(first, counts=first.counts.copy())
    changed.counts[4, 2] += 1
    with pytest.raises(ValueError, match=r'labels of 1 images differ.*1\.png'):
        compare_reports(first, changed)


def test_the_report_of_a_folder_is_found(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match='--report full'):
        find_counts(tmp_path)
    path = tmp_path / 'a/report_x/image_counts.npz'
    made(0.5).write(path)
    assert find_counts(tmp_path) == find_counts(path) == path
    made(0.5).write(tmp_path / 'b/image_counts.npz')
    with pytest.raises(ValueError, match='holds 2 reports; name one'):
        find_counts(tmp_path)
