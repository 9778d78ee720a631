# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Tests of benchmarks/benchmark.py, through its command line."""

import json
from pathlib import Path

import pytest
from tool_process import run_tool

TOOL = 'benchmarks/benchmark.py'
TINY = 'configs/aeroseg/aeroseg_tiny_1xb2-20_openearthmap-64x64.py'


@pytest.mark.slow  # a process per number of classes
def test_prints_a_table_and_writes_json(tmp_path: Path) -> None:
    out = tmp_path / 'report.json'
    done = run_tool(
        TOOL, TINY, '--size', '64', '--classes', '1,5', '--repeat', '1',
        '--threads', '1', '--out', str(out),
    )  # fmt: skip
    assert done.status == 0, done.err
    report = json.loads(out.read_text())
    assert [row['classes'] for row in report['rows']] == [1, 5]
    assert report['parameters_m'] > report['trainable_m'] > 0
    table = [line for line in done.out.splitlines() if line[:1] == '|']
    assert len(table) == 4
    assert 'decoder s' in table[0]


def test_says_when_there_is_no_config() -> None:
    done = run_tool(TOOL, 'configs/none.py')
    assert done.status != 0
    assert (
        'error: there is no config configs/none.py; the configs of' in done.err
    )


@pytest.mark.slow
def test_compares_with_the_published_network(tmp_path: Path) -> None:
    out = tmp_path / 'report.json'
    done = run_tool(
        TOOL, 'configs/baselines/cat-seg_vit-b16_1xb4-80k_isaid-384x384.py',
        '--size', '64', '--classes', '3', '--repeat', '1', '--threads', '1',
        '--published', '--out', str(out),
    )  # fmt: skip
    assert done.status == 0, done.err
    ours, plain = json.loads(out.read_text())['rows']
    assert (ours['system'], plain['system']) == ('ours', 'published')
    assert ours['gflop_per_image'] < plain['gflop_per_image']
    expected = ours['text_seconds'] / plain['text_seconds']
    assert ours['text_ratio'] == pytest.approx(expected)
    assert ours['behind_clip_ratio'] > 0
    assert plain['classes_seconds'] > 0
    assert plain['text_difference'] < 1e-5
    assert plain['logits_difference'] < 1e-4
