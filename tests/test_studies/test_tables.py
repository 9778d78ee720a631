# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The tables of the paper agree with themselves, and rows are found."""

import json
from pathlib import Path

import pytest
from tables import (
    AVERAGE,
    PAPER_TABLES,
    Table,
    load_tables,
    select_cells,
)

from aeroseg.evaluation.scores import harmonic_mean

TABLES = load_tables()


def find(table: str, row: str) -> dict:
    (found,) = [
        r.paper for t in TABLES if t.id == table for r in t.rows if r.id == row
    ]
    return dict(found)


def test_the_paper_has_tables_2_to_8() -> None:
    assert [table.id for table in TABLES] == list('2345678')


@pytest.mark.parametrize('table', TABLES, ids=lambda t: t.id)
def test_every_row_has_every_figure(table: Table) -> None:
    for row in table.rows:
        assert tuple(row.paper) == table.columns, row.id
        for figures in row.paper.values():
            assert all(0 < figure < 100 for figure in figures)


@pytest.mark.parametrize(
    'table', [t for t in TABLES if len(t.metrics) == 3], ids=lambda t: t.id
)
def test_harmonic_means_follow_from_the_printed_means(table: Table) -> None:
    for row in table.rows:
        for dataset in table.datasets:
            seen, unseen, harmonic = row.paper[dataset]
            # 0.02: the printed means are rounded too.
            assert harmonic_mean(seen, unseen) == pytest.approx(
                harmonic, abs=0.02
            )


@pytest.mark.parametrize('table', TABLES, ids=lambda t: t.id)
def test_averages_are_plain_means_over_the_datasets(table: Table) -> None:
    for row in table.rows if table.average else ():
        for i, average in enumerate(row.paper[AVERAGE]):
            figures = [row.paper[d][i] for d in table.datasets]
            assert sum(figures) / len(figures) == pytest.approx(
                average, abs=0.0101
            ), (table.id, row.id)


def test_the_full_model_has_the_same_figures_in_all_tables() -> None:
    scores = find('2', 'aeroseg')
    harmonic = {name: figures[2:] for name, figures in scores.items()}
    assert find('3', 'config-c') == harmonic
    assert find('4', 'frozen') == harmonic
    assert find('5', 'sam') == harmonic
    assert find('6', 'sam-l')['iSAID'] == scores['iSAID']
    assert find('7', 'clip-b')['iSAID'] == scores['iSAID']


def test_rows_are_chosen_by_name() -> None:
    names = [c.name for c in select_cells(TABLES, ['3/config-a', '6/sam-h'])]
    assert names == [
        '3/config-a/iSAID',
        '3/config-a/DLRSD',
        '3/config-a/OEM',
        '6/sam-h/iSAID',
    ]
    (cell,) = select_cells(TABLES, ['2/ovrs/OEM'])
    assert 'ovrs' in cell.config
    assert 'openearthmap' in cell.config


def test_a_config_of_several_rows_is_chosen_once() -> None:
    cells = select_cells(TABLES, ['*'])
    assert len({cell.config for cell in cells}) == len(cells)
    assert [c.name for c in select_cells(TABLES, ['4/frozen', '5/sam'])] == [
        '4/frozen/iSAID',
        '4/frozen/DLRSD',
        '4/frozen/OEM',
    ]


@pytest.mark.parametrize('pattern', ['9', '2/scen', '3/config-a/Dubai', ''])
def test_a_row_that_cannot_be_run_is_an_error(pattern: str) -> None:
    with pytest.raises(ValueError, match='rows with a config are 2/'):
        select_cells(TABLES, [pattern])


def test_a_missing_file_of_tables(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=PAPER_TABLES.name):
        load_tables(tmp_path / 'none.json')


@pytest.mark.parametrize(
    ('row', 'message'),
    [
        ({'model': 'large'}, "names the model 'large'"),
        ({'paper': {'A': [1.0, 2.0]}}, 'must have 1 figures'),
    ],
)
def test_faulty_tables(tmp_path: Path, row: dict, message: str) -> None:
    path = tmp_path / 'tables.json'
    table = {
        'id': '1',
        'title': 'One',
        'metrics': ['mIoU'],
        'datasets': ['A'],
        'rows': [{'id': 'a', 'name': 'A', **row}],
    }
    path.write_text(json.dumps({'models': {}, 'tables': [table]}))
    with pytest.raises(ValueError, match=message):
        load_tables(path)


def test_options_of_a_table_and_of_a_row(tmp_path: Path) -> None:
    path = tmp_path / 'tables.json'
    rows = [
        {'id': 'a', 'name': 'A', 'configs': {'world': 'a.py'}},
        {'id': 'b', 'name': 'B', 'configs': {'world': 'b.py'}, 'options': []},
    ]
    table = {
        'id': 'x',
        'title': 'X',
        'metrics': ['mIoU'],
        'datasets': ['world'],
        'options': ['train_cfg.max_iters=5'],
        'costs': True,
        'rows': rows,
    }
    path.write_text(json.dumps({'tables': [table]}))
    cells = select_cells(load_tables(path), ['*'])
    assert [cell.options for cell in cells] == [('train_cfg.max_iters=5',), ()]
    rows[0]['paper'] = {'world': [1.0]}
    path.write_text(json.dumps({'tables': [table]}))
    with pytest.raises(ValueError, match='table x has costs'):
        load_tables(path)


def test_every_system_of_the_world_has_a_config(root: Path) -> None:
    path = root / 'configs/demo/systems/tables.json'
    cells = select_cells(load_tables(path), '*')
    assert all((root / cell.config).is_file() for cell in cells)
    assert len(cells) == 15
