# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Tests of benchmarks/benchmark.py, through its command line."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

TINY = 'configs/aeroseg/aeroseg_tiny_1xb2-20_openearthmap-64x64.py'


def benchmark(root: Path, *args: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(root / 'benchmarks/benchmark.py'), *args]
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
    assert 'decoder s' in table[0]


def test_says_when_there_is_no_config(root: Path) -> None:
    done = benchmark(root, 'configs/none.py')
    assert done.returncode != 0
    assert (
        'error: there is no config configs/none.py; the configs of'
        in done.stderr
    )


@pytest.mark.slow
def test_compares_with_the_published_network(
    root: Path, tmp_path: Path
) -> None:
    out = tmp_path / 'report.json'
    done = benchmark(
        root, 'configs/baselines/cat-seg_vit-b16_1xb4-80k_isaid-384x384.py',
        '--size', '64', '--classes', '3', '--repeat', '1', '--threads', '1',
        '--published', '--out', str(out),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    ours, plain = json.loads(out.read_text())['rows']
    assert (ours['system'], plain['system']) == ('ours', 'published')
    assert ours['gflop_per_image'] < plain['gflop_per_image']
    expected = ours['text_seconds'] / plain['text_seconds']
    assert ours['text_ratio'] == pytest.approx(expected)
    assert ours['behind_clip_ratio'] > 0
    assert plain['classes_seconds'] > 0
    assert plain['text_difference'] < 1e-5
    assert plain['logits_difference'] < 1e-4
