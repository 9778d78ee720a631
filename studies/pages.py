# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Puts tables into a page of the documentation, and the results next to it."""

import copy
import json
import os
from collections.abc import Sequence
from pathlib import Path

from runs import Runs
from table_writer import to_notes, to_rows
from tables import Table

from aeroseg.files import atomic_path


def fill_page(path: Path, tables: Sequence[Table], runs: Runs) -> None:
    """Write tables between ``<!-- ID -->`` and ``<!-- /ID -->``.

    What stands between ``<!-- ID notes -->`` and ``<!-- /ID notes -->``, if
    the page has them, becomes a list of how the figures were produced.

    Args:
        path (Path): A Markdown page.
        tables (Sequence[Table]): The tables.
        runs (Runs): Our results by config name.

    Raises:
        FileNotFoundError: If there is no such page.
        ValueError: If the page lacks a marker.
    """
    if not path.is_file():
        raise FileNotFoundError(
            f'there is no page {path}; name one with <!-- {tables[0].id} --> '
            f'and <!-- /{tables[0].id} -->'
        )
    page = path.read_text(encoding='utf-8')
    for table in tables:
        page = _between(page, table.id, to_rows(table, runs), path)
        notes = f'{table.id} notes'
        if f'<!-- {notes} -->' in page:
            page = _between(page, notes, to_notes(table, runs), path)
    with atomic_path(path) as part:
        part.write_text(page, encoding='utf-8')


def write_records(runs: Runs, folder: Path, root: Path) -> None:
    """Copy the result files, without the folders of the machine.

    Paths become relative to the checkout, that of the checkpoint its name.

    Args:
        runs (Runs): Our results by config name.
        folder (Path): Gets ``<config>_seed_<seed>.json`` of each run; is
            made if missing.
        root (Path): Root of the checkout.
    """
    for config, group in runs.items():
        for run in group:
            target = folder / f'{config}_seed_{run.seed}.json'
            record = copy.deepcopy(dict(run.record))
            tested = record['protocol']['run']
            if tested.get('checkpoint'):
                tested['checkpoint'] = Path(tested['checkpoint']).name
            text = json.dumps(record, indent=1)
            text = text.replace(f'{root}{os.sep}', '')
            with atomic_path(target) as part:
                part.write_text(f'{text}\n', encoding='utf-8')


def _between(page: str, name: str, text: str, path: Path) -> str:
    start, end = f'<!-- {name} -->', f'<!-- /{name} -->'
    before, found, rest = page.partition(start)
    _, closed, after = rest.partition(end)
    if not (found and closed):
        raise ValueError(
            f'{path} lacks {start} or {end} after it; a table is written '
            'between the two'
        )
    return f'{before}{start}\n\n{text}\n\n{end}{after}'
