# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The campaign: every fault is injected and judged.

`pytest tests/faults` runs a sample, `make test-slow` all of them and
`python -m faults.report` (in tests/) all of them with a table for the docs.
"""

import shutil
from pathlib import Path

import pytest

from .all_cases import CASES
from .fault import Fault, inject
from .materials import make_materials

_STEP = max(1, len(CASES) // 60)


@pytest.fixture(scope='session')
def materials(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp('materials')
    make_materials(folder)
    return folder


def test_the_campaign_is_large_enough() -> None:
    assert len(CASES) >= 300
    names = [(case.tool, case.name) for case in CASES]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    'fault',
    [
        pytest.param(
            case,
            id=f'{Path(case.tool).stem}: {case.name}',
            marks=() if index % _STEP == 0 else pytest.mark.slow,
        )
        for index, case in enumerate(CASES)
    ],
)
def test_a_fault_is_refused_or_handled(
    fault: Fault, materials: Path, tmp_path: Path
) -> None:
    folder = tmp_path / 'case'
    shutil.copytree(materials, folder)
    verdict, told = inject(fault, folder)
    assert verdict in ('refused', 'done'), f'{verdict}: {told}'
