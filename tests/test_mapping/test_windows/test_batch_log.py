# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
from pathlib import Path

import pytest

from aeroseg.mapping.windows.batch_log import BatchLog


def test_a_halving_holds_from_its_window_on() -> None:
    log = BatchLog(8)
    assert log.halve(20) == 4
    assert log.halve(20) == 2
    assert [log.at(window) for window in (0, 19, 20, 99)] == [8, 8, 2, 2]
    assert log.halve(5) == 4
    assert [log.at(window) for window in (4, 5, 19, 20)] == [8, 4, 4, 2]


def test_the_file_is_found_again(tmp_path: Path) -> None:
    path = tmp_path / 'batches.json'
    log = BatchLog(8, path)
    assert not path.exists()
    log.halve(3)
    again = BatchLog(8, path)
    assert [again.at(window) for window in (2, 3)] == [8, 4]
    again.halve(7)
    assert [BatchLog(8, path).at(window) for window in (2, 3, 7)] == [8, 4, 2]


@pytest.mark.parametrize('text', ['', '[[0', '{}', '[]', '[[0, 0]]', '[1]'])
def test_a_damaged_record_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / 'batches.json'
    path.write_text(text)
    with pytest.raises(ValueError, match='is damaged'):
        BatchLog(4, path)
