# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Runs the whole campaign and writes docs/notes/faults.md.

Examples (in tests/):
  python -m faults.report                        # all, docs/notes/faults.md
  python -m faults.report train.py option        # only some, page as it is
"""

import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from tool_process import ROOT

from aeroseg.files import atomic_path

from .all_cases import CASES
from .fault import VERDICTS, Fault, inject
from .materials import make_materials

PAGE = ROOT / 'docs/notes/faults.md'
AT_ONCE = 2
COLUMNS = {
    'refused': 'refused',
    'done': 'handled',
    'unclear': 'unclear',
    'silent': 'silent',
}
HEAD = """# Faults on purpose

What AerOSeg makes of bad input, full disks and interrupted runs.
{count} faults are injected: checkpoints, configs, options, class names,
scenes, data sets and output folders that are missing, damaged, of another
kind, or in use, one fault at a time, next to material that is otherwise good.
Each one starts the real tool in a folder of its own. The cases are in
`tests/faults`, in files `cases_*.py`; to add one, add a `Fault` there.

- **refused**: one sentence that names the cause; status 1 or 2; every file
  that was there is as before.
- **handled**: the tool copes with it, and its result was checked.
- **unclear**: stopped, but with a traceback, or without naming the cause.
- **silent**: status 0 with a wrong or lost result, or a file of the user was
  changed.

`pytest tests/faults` runs a sample of 60, `pytest tests/faults -m ''` all of
them. This page is written by

```bash
cd tests && python -m faults.report
```
"""


class Outcome(NamedTuple):
    """A fault with its verdict.

    Attributes:
        fault (Fault): What was injected.
        verdict (str): One of ``VERDICTS``.
        told (str): What led to it, such as the sentence of the tool.
    """

    fault: Fault
    verdict: str
    told: str


def run_all(cases: Sequence[Fault]) -> Iterator[Outcome]:
    """Inject all faults, two at a time.

    Args:
        cases (Sequence[Fault]): The faults.

    Yields:
        Outcome: In the order of the faults.
    """
    with tempfile.TemporaryDirectory() as base:
        good = Path(base, 'good')
        good.mkdir()
        make_materials(good)

        def run(index: int) -> Outcome:
            folder = Path(base, str(index), 'case')
            shutil.copytree(good, folder)
            try:
                verdict, told = inject(cases[index], folder)
            finally:
                shutil.rmtree(folder.parent, ignore_errors=True)
            # Paths of this machine have no place in a page.
            told = told.replace(f'{folder}/', '').replace(str(folder), '.')
            return Outcome(cases[index], verdict, told)

        # The work is done by the processes that the threads wait for.
        with ThreadPoolExecutor(AT_ONCE) as pool:
            yield from pool.map(run, range(len(cases)))


def page(outcomes: Sequence[Outcome]) -> str:
    """The page as Markdown.

    Args:
        outcomes (Sequence[Outcome]): Of the whole campaign.
    """
    counts = Counter((Path(o.fault.tool), o.verdict) for o in outcomes)
    lines = [
        HEAD.format(count=len(outcomes)),
        f'| tool | faults | {" | ".join(COLUMNS.values())} |',
        '|---' * (len(COLUMNS) + 2) + '|',
    ]
    for tool in sorted({tool for tool, _ in counts}):
        row = [counts[tool, verdict] for verdict in VERDICTS]
        lines.append(_row(f'`{tool}`', row))
    total = Counter(o.verdict for o in outcomes)
    lines += [_row('all', [total[verdict] for verdict in VERDICTS]), '']
    for verdict in ('silent', 'unclear'):
        lines += [f'## {verdict.capitalize()}', '']
        found = [o for o in outcomes if o.verdict == verdict]
        lines += [_item(o) for o in found] or ['None.']
        lines.append('')
    return '\n'.join(lines)


def _row(name: str, counts: Sequence[int]) -> str:
    cells = [name, str(sum(counts)), *map(str, counts)]
    return f'| {" | ".join(cells)} |'


def _item(outcome: Outcome) -> str:
    told = outcome.told.strip().splitlines()
    last = (told[-1] if told else '')[:200].replace('`', "'")
    return f'- `{outcome.fault.tool}`, {outcome.fault.name}: `{last}`'


def main(words: Sequence[str]) -> int:
    """Run, write or print.

    Args:
        words (Sequence[str]): Parts of tools or names; none: all faults.

    Returns:
        int: 1 if a fault was silent or unclear.
    """
    cases = [
        case
        for case in CASES
        if all(word in f'{case.tool}: {case.name}' for word in words)
    ]
    start = time.monotonic()
    outcomes = []
    for outcome in run_all(cases):
        outcomes.append(outcome)
        fault = outcome.fault
        print(f'{outcome.verdict:8} {fault.tool}, {fault.name}')
        print(f'         {outcome.told}', flush=True)
    bad = [o for o in outcomes if o.verdict in ('unclear', 'silent')]
    if not words:
        with atomic_path(PAGE) as part:
            part.write_text(page(outcomes))
    seconds = time.monotonic() - start
    print(f'{len(cases)} faults in {seconds:.0f} s: {len(bad)} to fix')
    return int(bool(bad))


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
