# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Result files are complete, strict JSON, or not there."""

import json
from pathlib import Path

import pytest

from aeroseg.evaluation import read_result, write_result


def test_a_record_comes_back_and_nan_is_null(tmp_path: Path) -> None:
    path = tmp_path / 'new' / 'scores.json'
    write_result(path, {'summary': {'mIoU': 1.5, 'h-mIoU': float('nan')}})
    assert 'NaN' not in path.read_text()
    record = read_result(path)
    assert record['summary'] == {'mIoU': 1.5, 'h-mIoU': None}
    assert [p.name for p in path.parent.iterdir()] == ['scores.json']


def test_a_record_that_json_cannot_hold_leaves_the_old_file(
    tmp_path: Path,
) -> None:
    path = tmp_path / 'scores.json'
    write_result(path, {'summary': {}})
    before = path.read_bytes()
    with pytest.raises(TypeError):
        write_result(path, {'summary': object()})
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ['scores.json']


def test_a_missing_file_says_who_writes_it(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r'tools/test\.py'):
        read_result(tmp_path / 'none.json')


@pytest.mark.parametrize('text', ['{', '[]', '{"format": "else"}'])
def test_other_files_are_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / 'scores.json'
    path.write_text(text)
    with pytest.raises(ValueError, match=r'scores\.json'):
        read_result(path)


def test_the_file_says_its_format(tmp_path: Path) -> None:
    write_result(tmp_path / 'a.json', {})
    content = json.loads((tmp_path / 'a.json').read_text())
    assert content == {'format': 'aeroseg-scores/1'}
