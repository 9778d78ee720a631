# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Tests of tools/benchmark.py, through its command line."""

import json
import subprocess
import sys
from pathlib import Path

TINY = 'configs/aeroseg/aeroseg_tiny_1xb2-20_openearthmap-64x64.py'


def benchmark(root: Path, *args: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(root / 'tools/benchmark.py'), *args]
    return subprocess.run(
        command, cwd=root, capture_output=True, text=True, check=False
    )


def test_prints_a_table_and_writes_json(root: Path, tmp_path: Path) -> None:
    out = tmp_path / 'report.json'
    done = benchmark(
        root, TINY, '--size', '64', '--classes', '1,5', '--repeat', '1',
        '--threads', '1', '--out', str(out),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    report = json.loads(out.read_text())
    assert [row['classes'] for row in report['rows']] == [1, 5]
    assert report['parameters_m'] > report['trainable_m'] > 0
    table = [line for line in done.stdout.splitlines() if line[:1] == '|']
    assert len(table) == 4
    assert 'decode_head s' in table[0]


def test_says_when_there_is_no_config(root: Path) -> None:
    done = benchmark(root, 'configs/none.py')
    assert done.returncode != 0
    assert 'there is no config configs/none.py' in done.stderr
