# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
from pathlib import Path

import numpy as np
import pytest

from aeroseg.mapping.block import Block
from aeroseg.mapping.job.work_folder import WorkFolder, fingerprint


def _rows(value: int, count: int = 4) -> np.ndarray:
    return np.full((count, 5), value, np.uint8)


def _lane(height: int) -> list[Block]:
    return [Block(0, 5, 0, height)]


def test_pieces_come_back_in_order(tmp_path: Path) -> None:
    work = WorkFolder(tmp_path / 'w', {'a': 1})
    scores = np.zeros((2, 4, 5), np.uint8)
    assert work.missing(_lane(8)) == [(0, 5, 0, 8)]
    assert work.is_empty
    work.save(0, 4, _rows(2), None)
    work.save(0, 0, _rows(1), scores)
    assert work.missing(_lane(8)) == []
    assert not work.is_empty
    again = WorkFolder(tmp_path / 'w', {'a': 1})
    pieces = list(again.pieces())
    assert [block.top for block, _, _ in pieces] == [0, 4]
    assert (pieces[1][1] == _rows(2)).all()
    assert (pieces[0][2] == scores).all()
    assert pieces[1][2] is None


def test_pieces_of_another_job_are_dropped(tmp_path: Path) -> None:
    WorkFolder(tmp_path / 'w', {'a': 1}).save(0, 0, _rows(1), None)
    assert WorkFolder(tmp_path / 'w', {'a': 2}).is_empty


def test_gaps_are_found_and_what_is_kept_stays(tmp_path: Path) -> None:
    work = WorkFolder(tmp_path / 'w', {})
    work.save(0, 0, _rows(1), None)
    work.save(0, 8, _rows(1), None)
    assert work.missing(_lane(20)) == [(0, 5, 4, 8), (0, 5, 12, 20)]
    assert [block.top for block, _, _ in work.pieces()] == [0, 8]


def test_rows_kept_twice_are_one(tmp_path: Path) -> None:
    work = WorkFolder(tmp_path / 'w', {})
    work.save(0, 0, _rows(1, 6), None)
    work.save(0, 4, _rows(1, 4), None)  # from elsewhere, at the same time
    assert work.missing(_lane(8)) == [(0, 5, 6, 8)]
    assert [block.top for block, _, _ in work.pieces()] == [0]


def test_lanes_do_not_hide_each_others_gaps(tmp_path: Path) -> None:
    work = WorkFolder(tmp_path / 'w', {})
    lanes = [Block(0, 5, 0, 8), Block(5, 10, 0, 8)]
    work.save(5, 0, _rows(2), None)
    work.save(0, 4, _rows(1), None)
    assert work.missing(lanes) == [(0, 5, 0, 4), (5, 10, 4, 8)]
    assert [block for block, _, _ in work.pieces()] == [
        (0, 5, 4, 8), (5, 10, 0, 4)
    ]  # fmt: skip


def test_pieces_of_no_lane_are_dropped(tmp_path: Path) -> None:
    work = WorkFolder(tmp_path / 'w', {})
    work.save(1, 0, _rows(2), None)
    assert work.missing(_lane(8)) == _lane(8)
    assert work.is_empty


def test_a_shared_folder_is_not_cleaned(tmp_path: Path) -> None:
    WorkFolder(tmp_path / 'w', {}).save(0, 0, _rows(1), None)
    part = tmp_path / 'w' / '.000000004-000000008.7.part.npz'
    part.write_bytes(b'PK')  # being written by another process
    shared = WorkFolder(tmp_path / 'w', {}, shared=True)
    assert part.exists()
    assert shared.missing(_lane(4)) == []


@pytest.mark.parametrize('damage', ['cut', 'empty', 'bit'])
def test_damaged_pieces_are_dropped(tmp_path: Path, damage: str) -> None:
    work = WorkFolder(tmp_path / 'w', {})
    for top in (0, 4, 8):
        work.save(0, top, _rows(1), None)
    path = tmp_path / 'w' / f'{"0" * 9}-000000005-000000004-000000008.npz'
    content = bytearray(path.read_bytes())
    content[content.index(b'\x01\x01\x01\x01')] ^= 1
    changed = {'cut': content[:90], 'empty': b'', 'bit': content}[damage]
    path.write_bytes(changed)
    assert work.missing(_lane(12)) == [(0, 5, 4, 8)]
    assert [block.top for block, _, _ in work.pieces()] == [0, 8]


def test_files_of_the_user_stay(tmp_path: Path) -> None:
    mine = tmp_path / 'w' / 'notes.npz'
    mine.parent.mkdir()
    mine.write_text('keep')
    work = WorkFolder(tmp_path / 'w', {})
    work.save(0, 0, _rows(1), None)
    work.remove()
    assert list((tmp_path / 'w').iterdir()) == [mine]


def test_half_written_pieces_do_not_count(tmp_path: Path) -> None:
    work = WorkFolder(tmp_path / 'w', {})
    work.save(0, 0, _rows(1), None)
    (tmp_path / 'w' / '.000000004-000000008.7.part.npz').write_bytes(b'PK')
    assert work.missing(_lane(8)) == [(0, 5, 4, 8)]
    work.remove()
    assert not (tmp_path / 'w').exists()


def test_fingerprint_knows_every_value() -> None:
    job = {'a': [1, 2], 'b': {'c': None}}
    assert fingerprint(job) == fingerprint({'b': {'c': None}, 'a': [1, 2]})
    assert fingerprint(job) != fingerprint({'a': [2, 1], 'b': {'c': None}})
