# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Tables hold the paper's figures, ours, and blanks."""

import csv
import io
from pathlib import Path

from runs import Run
from table_writer import to_csv, to_markdown
from tables import Row, Table

PAPER = {'A': (50.0,), 'B': (30.0,), 'Average': (40.0,)}
TABLE = Table(
    id='3',
    title='Parts',
    metrics=('h-mIoU',),
    datasets=('A', 'B'),
    average=True,
    rows=(
        Row('full', 'Full', PAPER, {'A': 'configs/x/a.py', 'B': 'c/b.py'}),
        Row('half', 'Half', PAPER, {}),
    ),
    source='a paper',
)


def run(config: str, score: float | None, seed: int = 0) -> Run:
    record = {
        'summary': {'h-mIoU': score},
        'images': 1234,
        'protocol': {
            'run': {'seed': seed},
            'model': {'test_cfg': {'mode': 'whole'}},
            'code': {'commit': '0123456789'},
        },
    }
    return Run(config, Path(config), 'iter_9', record)


def rows(text: str) -> list[list[str]]:
    lines = [line for line in text.splitlines() if line.startswith('|')]
    return [[c.strip() for c in line.split('|')[1:-1]] for line in lines[2:]]


def test_blanks_where_nothing_was_run() -> None:
    text = to_markdown([TABLE], {})
    assert rows(text) == [
        ['Full', 'paper', '50.00', '30.00', '40.00'],
        ['', 'ours', '', '', ''],
        ['Half', 'paper', '50.00', '30.00', '40.00'],
        ['', 'ours', '', '', ''],
    ]
    assert '"paper": as printed in a paper.' in text
    assert '"ours":' not in text


def test_mean_and_deviation_over_runs() -> None:
    runs = {
        'a': [run('a', 50), run('a', 54, 1)],
        'b': [run('b', 30), run('b', 36, 1)],
    }
    text = to_markdown([TABLE], runs)
    # Sample deviations: 4 / sqrt 2, 6 / sqrt 2; averages 40 and 45.
    assert rows(text)[1] == [
        '',
        'ours',
        '52.00 ± 2.83',
        '33.00 ± 4.24',
        '42.50 ± 3.54',
    ]
    assert (
        '- Full, A: 2 runs (seed 0 / 1), mode whole, iter_9, 1234 images, '
        'commit 0123456'
    ) in text


def test_no_average_while_a_dataset_is_missing() -> None:
    assert rows(to_markdown([TABLE], {'a': [run('a', 50)]}))[1] == [
        '',
        'ours',
        '50.00',
        '',
        '',
    ]


def test_a_score_that_could_not_be_taken_is_a_blank() -> None:
    assert rows(to_markdown([TABLE], {'a': [run('a', None)]}))[1][2] == ''


def test_unequal_numbers_of_runs_give_a_mean_of_means() -> None:
    runs = {'a': [run('a', 50), run('a', 54, 1)], 'b': [run('b', 30)]}
    assert rows(to_markdown([TABLE], runs))[1][-1] == '41.00'


def test_csv_has_a_line_per_figure() -> None:
    runs = {'a': [run('a', 50), run('a', 54, 1)]}
    lines = list(csv.DictReader(io.StringIO(to_csv([TABLE], runs))))
    assert len(lines) == 6
    first = lines[0]
    assert first['paper'] == '50.0'
    assert first['ours_mean'] == '52.0000'
    assert first['ours_deviation'] == '2.8284'
    assert first['runs'] == '2'
    assert 'mode whole' in first['protocol']
    assert lines[1]['ours_mean'] == lines[1]['protocol'] == ''
    assert lines[1]['runs'] == '0'


def test_tables_without_a_paper_have_one_line_per_row() -> None:
    row = Row('full', 'Full', {}, {'A': 'a.py'})
    table = Table('1', 'Demo', ('mIoU', 'h-mIoU'), ('A',), False, (row,))
    text = to_markdown([table], {'a': [run('a', 50)]})
    assert rows(text) == [['Full', 'ours', '', '50.00']]
    assert '| A mIoU | A h-mIoU |' in text
    assert 'paper' not in text
