# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from aeroseg.apis import LabelScheme, SegmentationResult
from aeroseg.visualization import overlay
from aeroseg.vocabulary import Vocabulary


@pytest.fixture
def result(pixels: np.ndarray, scheme: LabelScheme) -> SegmentationResult:
    labels = np.zeros((150, 110), np.uint8)
    labels[75:] = 2
    return SegmentationResult(pixels, labels, scheme)


def test_names_and_areas(result: SegmentationResult) -> None:
    assert result.classes == ('building', 'road', 'tree')
    assert [area.share for area in result.areas] == [0.5, 0, 0.5]


def test_overlay_and_panel(
    result: SegmentationResult, tmp_path: Path, scheme: LabelScheme
) -> None:
    palette = scheme.classes.palette
    expected = overlay(result.image, result.labels, palette, 0.3)
    assert (result.overlay(0.3) == expected).all()
    panel = result.panel(tmp_path / 'panel.png')
    assert (np.asarray(Image.open(tmp_path / 'panel.png')) == panel).all()
    assert result._repr_png_()[:4] == b'\x89PNG'


@pytest.mark.parametrize('name', ['a.png', 'a.tif'])
def test_saved_ids_come_back(
    result: SegmentationResult, tmp_path: Path, name: str
) -> None:
    path = result.save(tmp_path / 'new' / name)
    assert (np.asarray(Image.open(path)) == result.labels).all()


def test_ids_above_255_come_back(pixels: np.ndarray, tmp_path: Path) -> None:
    names = tuple(f'class {i}' for i in range(300))
    scheme = LabelScheme(Vocabulary(names))
    labels = (np.arange(150 * 110).reshape(150, 110) % 300).astype(np.uint16)
    result = SegmentationResult(pixels, labels, scheme)
    for name in ('a.png', 'a.tif'):
        path = result.save(tmp_path / name)
        assert (np.asarray(Image.open(path)) == labels).all()


def test_formats_that_lose_are_refused(
    result: SegmentationResult, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=r'a\.jpg.*panel'):
        result.save(tmp_path / 'a.jpg')


def test_show_opens_the_panel(
    result: SegmentationResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[Image.Image] = []
    monkeypatch.setattr(Image.Image, 'show', lambda self: shown.append(self))
    result.show()
    assert (np.asarray(shown[0]) == result.panel()).all()
