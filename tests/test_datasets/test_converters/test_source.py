# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
import os
import tarfile
import zipfile
from pathlib import Path

import pytest

from aeroseg.datasets.converters.source import list_files


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / 'unpacked'
    for name in ('b/2.png', 'a/1.png', 'a/._1.png', '.hidden/3.png', 'x.txt'):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(os.urandom(5000))
    return root


def pack(folder: Path, kind: str) -> Path:
    path = folder.parent / f'archive.{kind}'
    files = [p for p in folder.rglob('*') if p.is_file()]
    if kind == 'zip':
        with zipfile.ZipFile(path, 'w') as archive:
            for file in files:
                archive.write(file, file.relative_to(folder))
    else:
        with tarfile.open(path, 'w') as archive:
            for file in files:
                archive.add(file, file.relative_to(folder))
    return path


def read_all(path: Path) -> None:
    for file in list_files([path], ['.png', '.txt']):
        file.read()


@pytest.mark.parametrize('kind', ['zip', 'tar'])
def test_an_archive_reads_like_its_folder(folder: Path, kind: str) -> None:
    plain = list_files([folder], ['.png'])
    packed = list_files([pack(folder, kind)], ['.png'])
    assert [f.member for f in plain] == ['a/1.png', 'b/2.png']
    packed = [f for f in packed if not f.member.startswith('.')]
    assert [f.member for f in packed] == ['a/1.png', 'b/2.png']
    for one, two in zip(plain, packed, strict=True):
        assert one.read() == two.read()
        assert one.size == two.size == 5000
    assert packed[0].label == f'archive.{kind}!a/1.png'


def test_archives_inside_a_folder_are_found(folder: Path) -> None:
    pack(folder, 'zip')
    found = list_files([folder.parent], ['.txt'])
    assert [f.member for f in found] == ['unpacked/x.txt', 'x.txt']


@pytest.mark.parametrize('kind', ['zip', 'tar'])
@pytest.mark.parametrize('keep', [0.3, 0.7])
def test_a_truncated_archive_is_named(
    folder: Path, kind: str, keep: float
) -> None:
    path = pack(folder, kind)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * keep)])
    with pytest.raises(
        ValueError, match=rf'archive\.{kind}.*download it again'
    ):
        read_all(path)


def test_a_flipped_byte_is_named(folder: Path) -> None:
    path = pack(folder, 'zip')
    content = bytearray(path.read_bytes())
    content[2000] ^= 255
    path.write_bytes(content)
    with pytest.raises(ValueError, match='is damaged'):
        read_all(path)


def test_kinds_that_must_be_unpacked(folder: Path) -> None:
    path = folder / 'data.tar.gz'
    path.write_bytes(b'x')
    with pytest.raises(ValueError, match='unpack it'):
        list_files([path], ['.png'])
    with pytest.raises(FileNotFoundError, match='no folder or archive'):
        list_files([folder / 'nothing'], ['.png'])
