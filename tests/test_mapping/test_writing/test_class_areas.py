# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
import csv
from pathlib import Path

import numpy as np
import pytest

from aeroseg.apis import LabelScheme
from aeroseg.mapping.writing.class_areas import count_classes, write_areas

LABELS = np.array([[0, 0, 1], [2, 2, 255], [2, 2, 2]], np.uint8)


def test_pixels_and_shares_leave_missing_data_out(
    scheme: LabelScheme,
) -> None:
    areas = count_classes([(0, LABELS[:2]), (2, LABELS[2:])], scheme)
    assert [area.pixels for area in areas] == [2, 1, 5]
    assert [area.share for area in areas] == [0.25, 0.125, 0.625]
    assert [area.hectares for area in areas] == [None] * 3
    assert areas[0].name == 'building'


def test_hectares_follow_the_rows(scheme: LabelScheme) -> None:
    areas = count_classes(
        [(0, LABELS[:2]), (2, LABELS[2:])], scheme, np.array([0, 5000, 10000])
    )
    assert [area.hectares for area in areas] == pytest.approx([0, 0, 4])


def test_no_data_at_all(scheme: LabelScheme) -> None:
    areas = count_classes([(0, np.full((3, 3), 255, np.uint8))], scheme)
    assert [area.share for area in areas] == [0, 0, 0]


def test_table_can_be_read_back(scheme: LabelScheme, tmp_path: Path) -> None:
    path = tmp_path / 'classes.csv'
    areas = count_classes([(0, LABELS)], scheme, np.full(3, 2500))
    write_areas(areas, path)
    with path.open(newline='') as file:
        rows = list(csv.DictReader(file))
    assert rows[2]['name'] == 'tree'
    assert rows[2]['pixels'] == '5'
    assert float(rows[2]['hectares']) == 1.25
    assert rows[2]['colour'].startswith('#')
    write_areas(count_classes([(0, LABELS)], scheme), path)
    assert path.read_text().splitlines()[1].split(',')[4] == ''
