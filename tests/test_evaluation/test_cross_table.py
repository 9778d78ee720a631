# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
from pathlib import Path
from typing import Any

import pytest

from aeroseg.evaluation import write_result
from aeroseg.evaluation.cross_table import cross_table, read_cross_score


def result(path: Path, name: str, **changes: Any) -> Path:
    """A result file as tools/test_across.py writes it."""
    cross = {
        'benchmark': name,
        'protocol': 'own',
        'in_training': ['road'],
        'trained_on': 'DLRSD',
        'is_training_set': False,
        'differences': [],
        'remark': '',
        **changes,
    }
    record = {
        'images': 3,
        'summary': {'mIoU': 40.0, 'mAcc': 60.0, 'u-mIoU': 30.0},
        'classes': [
            {'name': 'road', 'IoU': 50.0, 'pixels': 300},
            {'name': 'tree', 'IoU': 30.0, 'pixels': 100},
            {'name': 'car', 'IoU': None, 'pixels': 0},
        ],
        'protocol': {'cross': cross, 'run': {'config': 'a.py'}},
    }
    write_result(path, record)
    return path


def test_a_row_per_set_and_their_means(tmp_path: Path) -> None:
    files = [
        result(tmp_path / 'a.json', 'udd5'),
        result(
            tmp_path / 'b.json', 'dlrsd', is_training_set=True, remark='open'
        ),
        result(tmp_path / 'c.json', 'vdd', differences=['scored on val']),
    ]
    text = cross_table([read_cross_score(path) for path in files])
    # fwIoU: (300 x 50 + 100 x 30) / 400
    assert '| udd5 ' in text
    assert '40.00 | 60.00 | 45.00 | 1 of 3: road ' in text
    assert 'dlrsd*' in text
    assert 'vdd!' in text
    assert '| mean of 3 ' in text
    assert '| mean of 2 without *' in text
    assert '! vdd: scored on val; not comparable with published' in text
    assert 'dlrsd: open' in text
    assert 'zero-shot' not in text


def test_unknown_words_of_the_training_are_said(tmp_path: Path) -> None:
    path = result(tmp_path / 'a.json', 'udd5', in_training=None)
    text = cross_table([read_cross_score(path)])
    assert 'not known' in text
    assert 'nothing here can be called zero-shot' in text


def test_protocols_do_not_share_a_table(tmp_path: Path) -> None:
    one = read_cross_score(result(tmp_path / 'a.json', 'udd5'))
    two = read_cross_score(
        result(tmp_path / 'b.json', 'vdd', protocol='segearth-ov')
    )
    with pytest.raises(ValueError, match='do not share a table'):
        cross_table([one, two])


def test_another_result_is_refused(tmp_path: Path) -> None:
    write_result(tmp_path / 'a.json', {'summary': {}, 'protocol': {}})
    with pytest.raises(
        ValueError, match=r'no result of tools/test_across\.py'
    ):
        read_cross_score(tmp_path / 'a.json')
