# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Tables are written between the markers of a page, results next to it."""

import json
from pathlib import Path

import pytest
from pages import fill_page, write_records
from runs import Run
from tables import Row, Table

from aeroseg.evaluation import read_result, write_result

TABLE = Table(
    id='systems',
    title='Systems',
    metrics=('s-mIoU', 'h-mIoU'),
    datasets=('world',),
    average=False,
    rows=(
        Row('a', 'A', {}, {'world': 'configs/demo/a.py'}),
        Row('b', 'B', {}, {'world': 'configs/demo/b.py'}),
    ),
    costs=True,
)
PAGE = """# Page

<!-- systems -->
old
<!-- /systems -->

Between.

<!-- systems notes --><!-- /systems notes -->
End.
"""


def run(root: Path, seed: int, score: float, **training: object) -> Run:
    path = root / f'work/a/seed_{seed}/time/test_iter_9.json'
    checkpoint = f'/elsewhere/seed_{seed}/iter_9.pth'
    write_result(
        path,
        {
            'summary': {'s-mIoU': score, 'h-mIoU': score / 2},
            'images': 3,
            'protocol': {
                'run': {
                    'seed': seed,
                    'checkpoint': checkpoint,
                    'config': f'{root}/configs/a.py',
                },
                'model': {'test_cfg': {'mode': 'whole'}},
                'code': {'commit': '0123456789'},
                'training': training or None,
                'seconds_per_image': 0.25,
            },
        },
    )
    return Run('a', path.parents[1], 'iter_9', read_result(path))


@pytest.fixture
def runs(tmp_path: Path) -> dict[str, list[Run]]:
    training = {'trained_parameters': 2_500_000}
    first = run(tmp_path, 0, 50.0, cpu_seconds=100.0, **training)
    second = run(tmp_path, 1, 54.0, cpu_seconds=200.0, **training)
    return {'a': [first, second]}


def test_a_table_and_its_notes(
    tmp_path: Path, runs: dict[str, list[Run]]
) -> None:
    page = tmp_path / 'page.md'
    page.write_text(PAGE)
    fill_page(page, [TABLE], runs)
    text = page.read_text()
    assert 'old' not in text
    assert '| A | 52.00 ± 2.83 | 26.00 ± 1.41 | 2.50 | 150 | 0.250 |' in text
    assert '| B |  |  |  |  |  |' in text
    assert '- A, world: 2 runs (seed 0 / 1), mode whole, iter_9' in text
    assert text.startswith('# Page')
    assert text.endswith('End.\n')
    fill_page(page, [TABLE], runs)  # again: the same page
    assert page.read_text() == text


@pytest.mark.parametrize('marker', ['<!-- systems -->', '<!-- /systems -->'])
def test_a_page_without_a_marker_stays_as_it_is(
    tmp_path: Path, marker: str
) -> None:
    page = tmp_path / 'page.md'
    page.write_text(PAGE.replace(marker, ''))
    before = page.read_text()
    with pytest.raises(ValueError, match=r'lacks <!-- systems --> or'):
        fill_page(page, [TABLE], {})
    assert page.read_text() == before
    with pytest.raises(FileNotFoundError, match='no page'):
        fill_page(tmp_path / 'none.md', [TABLE], {})


def test_records_name_no_folder_of_the_machine(
    tmp_path: Path, runs: dict[str, list[Run]]
) -> None:
    folder = tmp_path / 'results'
    write_records(runs, folder, tmp_path)
    files = sorted(path.name for path in folder.iterdir())
    assert files == ['a_seed_0.json', 'a_seed_1.json']
    text = (folder / files[0]).read_text()
    assert str(tmp_path) not in text
    assert 'elsewhere' not in text
    record = json.loads(text)
    assert record['summary']['s-mIoU'] == 50
    assert record['protocol']['run'] == {
        'seed': 0,
        'checkpoint': 'iter_9.pth',
        'config': 'configs/a.py',
    }
