# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Published rows and own results, protocols never mixed."""

import json
from pathlib import Path

import pytest
from cross_tables import (
    PUBLISHED,
    cross_csv,
    cross_markdown,
    own_rows,
    published_rows,
)
from test_evaluation.test_cross_table import result


def test_published_rows_say_where_they_come_from() -> None:
    rows = published_rows()
    assert len(rows) > 50
    assert all(row.source and row.kind for row in rows)
    verified = [
        row for row in rows if row.kind == 'published, read at its source'
    ]
    assert {row.name for row in verified} == {'RSKT-Seg (re-trained weights)'}
    # RSKT-Seg, Table 1, trained on DLRSD with ViT-B.
    row = next(
        r
        for r in rows
        if (r.name, r.backbone, r.trained_on) == ('RSKT-Seg', 'ViT-B', 'DLRSD')
    )
    assert row.scores['mIoU']['Potsdam'] == 34.53
    assert row.scores['mIoU']['mean8'] == 43.90


def test_published_means_are_those_of_their_rows() -> None:
    # Two rows are known to differ from their printed mean.
    wrong = []
    for row in published_rows():
        for metric, scores in row.scores.items():
            parts = [v for k, v in scores.items() if k != 'mean8']
            if 'mean8' in scores and len(parts) == 8:
                error = abs(sum(parts) / 8 - scores['mean8'])
                if error > 0.015:
                    wrong.append((row.name, row.backbone, metric))
    assert wrong == [('OVRS', 'ViT-B', 'mACC'), ('GSNet', 'ViT-L', 'mIoU')]


def test_own_rows_stand_next_to_published_ones(tmp_path: Path) -> None:
    names = {'protocol': 'ovrsisbench-v1', 'trained_on': 'DLRSD'}
    result(tmp_path / 'cross_1.json', 'udd5', **names)
    result(tmp_path / 'cross_2.json', 'vdd', **names)
    result(tmp_path / 'test_3.json', 'vdd', **names)  # of another tool
    (row,) = own_rows([tmp_path])
    assert row.protocol == 'P3-V1'
    assert row.scores['mIoU'] == {'UDD5': 40.0, 'VDD': 40.0, 'mean2': 40.0}
    text = cross_markdown([*published_rows(), row])
    table = next(
        part
        for part in text.split('### ')
        if part.startswith('P3-V1, trained on DLRSD (mIoU')
    )
    assert '| a |' in table
    assert 'RSKT-Seg' in table
    assert 'SegEarth-OV' not in table
    assert '| ours |' in table


def test_what_differs_from_a_protocol_has_its_own_table(
    tmp_path: Path,
) -> None:
    result(
        tmp_path / 'cross_1.json',
        'udd5',
        protocol='segearth-ov',
        trained_on='none',
        differences=['scored on train'],
    )
    text = cross_markdown([*published_rows(), *own_rows([tmp_path])])
    for part in text.split('### '):
        if '| ours |' in part:
            assert part.startswith('P4, but scored on train, trained on none')
            assert 'published' not in part


def test_csv_has_a_line_per_figure(tmp_path: Path) -> None:
    result(tmp_path / 'cross_1.json', 'udd5', protocol='own')
    lines = cross_csv(own_rows([tmp_path])).splitlines()
    assert lines[0].startswith('protocol,trained_on,metric,row')
    assert 'own,DLRSD,fwIoU,a,,ours,UDD5,45.0,' + str(tmp_path) in lines
    assert len(lines) == 1 + 3


def test_faulty_files(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r'no folder .*none'):
        own_rows([tmp_path / 'none'])
    with pytest.raises(FileNotFoundError, match='no file of published'):
        published_rows(tmp_path / 'none.json')
    rows = json.loads(PUBLISHED.read_text())
    del rows['rows'][0]['source']
    (tmp_path / 'rows.json').write_text(json.dumps(rows))
    with pytest.raises(
        ValueError, match=r"is no file of published .*'source'"
    ):
        published_rows(tmp_path / 'rows.json')
