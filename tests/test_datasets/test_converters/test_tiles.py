# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
import hashlib
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from aeroseg.datasets.converters import tiles
from aeroseg.datasets.converters.tiles import is_written, write_tile
from aeroseg.datasets.converters.tiling import Window

LABEL = np.array([[0, 9], [14, 255]], np.uint8)
IMAGE = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
WINDOW = Window(3, 5, 2, 2)


def test_both_files_read_back_the_same(tmp_path: Path) -> None:
    record = write_tile(tmp_path, 'train', 'a', WINDOW, IMAGE, LABEL)
    path = tmp_path / 'ann_dir/train/a.png'
    label = Image.open(path)
    assert label.mode == 'L'
    assert np.array_equal(np.asarray(label), LABEL)
    image = Image.open(tmp_path / 'img_dir/train/a.png')
    assert np.array_equal(np.asarray(image), IMAGE)
    assert record['pixels'] == {'0': 1, '9': 1, '14': 1, '255': 1}
    assert record['window'] == [3, 5, 2, 2]
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert record['ann_dir'] == {
        'bytes': path.stat().st_size,
        'sha256': digest,
    }
    assert not list(tmp_path.rglob('*.part*'))


def test_a_missing_or_cut_file_counts_as_not_written(tmp_path: Path) -> None:
    record = write_tile(tmp_path, 'train', 'a', WINDOW, IMAGE, LABEL)
    assert is_written(tmp_path, record)
    path = tmp_path / 'img_dir/train/a.png'
    path.write_bytes(path.read_bytes()[:-1])
    assert not is_written(tmp_path, record)
    path.unlink()
    assert not is_written(tmp_path, record)


def _as_palette_png(label: np.ndarray) -> bytes:
    """How the widely copied iSAID converter writes a label."""
    buffer = io.BytesIO()
    image = Image.fromarray(label)
    image = Image.frombytes('P', image.size, image.tobytes())
    image.save(buffer, 'PNG')
    return buffer.getvalue()


def test_the_palette_fault_destroys_labels_and_is_caught(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # open-mmlab/mmsegmentation issues 1504, 1729 and 1733.
    broken = np.asarray(Image.open(io.BytesIO(_as_palette_png(LABEL))))
    monkeypatch.setattr(tiles, '_label_png', _as_palette_png)
    if np.array_equal(broken, LABEL):
        pytest.skip('this Pillow keeps the ids of palette images')
    with pytest.raises(OSError, match='does not read back'):
        write_tile(tmp_path, 'train', 'a', WINDOW, IMAGE, LABEL)
    assert not (tmp_path / 'ann_dir/train/a.png').exists()
