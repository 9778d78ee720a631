# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Prediction by windows equals prediction of the whole."""

from typing import Any

import numpy as np
import pytest
import torch

from aeroseg.mapping.reading.image_source import ArraySource
from aeroseg.mapping.windows.scan import Scan
from aeroseg.mapping.windows.tiling import Tiling


def _collect(scan: Scan, first: int = 0) -> torch.Tensor:
    parts, expected = [], first
    for top, scores in scan.rows(first):
        assert top == expected
        expected += scores.shape[1]
        parts.append(scores.clone())
    assert expected == scan.source.grid[0]
    return torch.cat(parts, dim=1)


@pytest.mark.parametrize(
    'tiling',
    [
        Tiling(64, 16, margin=3),
        Tiling(64, 17, margin=4, batch=7),
        Tiling(32, 24, margin=3, batch=1),
        Tiling(149, 20, margin=5),
        Tiling(400, 0),
    ],
)
def test_windows_equal_the_whole_for_a_local_model(
    model: Any, pixels: np.ndarray, tiling: Tiling
) -> None:
    scan = Scan(model, ArraySource(pixels), tiling, 3)
    assert torch.allclose(
        _collect(scan), model.whole(pixels), rtol=0, atol=2e-6
    )


def test_a_margin_below_the_radius_shows_seams(
    model: Any, pixels: np.ndarray
) -> None:
    """The test above can fail: without a margin it does."""
    scan = Scan(model, ArraySource(pixels), Tiling(64, 16, margin=0), 3)
    assert (_collect(scan) - model.whole(pixels)).abs().max() > 1e-3


@pytest.mark.parametrize('size', [(1, 1), (3, 200), (200, 2), (64, 65)])
def test_narrow_and_tiny_scenes(model: Any, size: tuple[int, int]) -> None:
    image = np.random.default_rng(1).integers(0, 256, (*size, 3), np.uint8)
    scan = Scan(model, ArraySource(image), Tiling(64, 16, margin=4), 3)
    assert torch.allclose(
        _collect(scan), model.whole(image), rtol=0, atol=2e-6
    )


@pytest.mark.parametrize('first', [1, 47, 48, 100, 149])
def test_a_later_start_gives_the_same_bits(
    model: Any, pixels: np.ndarray, first: int
) -> None:
    scan = Scan(model, ArraySource(pixels), Tiling(64, 30), 3)
    assert torch.equal(_collect(scan, first), _collect(scan)[:, first:])


def test_every_window_is_counted(model: Any, pixels: np.ndarray) -> None:
    counts: list[int] = []
    source = ArraySource(pixels)
    scan = Scan(model, source, Tiling(64, 16), 3, tick=counts.append)
    _collect(scan)
    assert sum(counts) == scan.num_windows == 3 * 2
    counts.clear()
    _collect(scan, first=120)  # in the last strip
    assert sum(counts) == 2


class Holes(ArraySource):
    """A scene whose left half holds no data."""

    def read(
        self, top: int, bottom: int, left: int = 0, right: int | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        image, valid = super().read(top, bottom, left, right)
        valid[:, : max(70 - left, 0)] = False
        return image, valid


def test_windows_without_data_are_not_predicted(
    model: Any, pixels: np.ndarray
) -> None:
    tiling = Tiling(40, 8, batch=1)
    scan = Scan(model, Holes(pixels), tiling, 3)
    scores = _collect(scan)
    assert model.calls < scan.num_windows
    assert (scores[:, :, :30] == 0).all()
    assert torch.allclose(
        scores[:, :, 78:].sum(dim=0), torch.ones(150, 32), atol=1e-5
    )


def test_missing_pixels_are_filled_with_the_mean(pixels: np.ndarray) -> None:
    seen = []

    class Watcher:
        def predict_scores(self, images: torch.Tensor) -> torch.Tensor:
            seen.append(images)
            return images[:, :1]

    _collect(Scan(Watcher(), Holes(pixels), Tiling(150, 0), 1))
    (batch,) = seen
    mean = pixels[:, 70:].reshape(-1, 3).mean(axis=0)
    filled = batch[0, :, :, :70].flatten(1)
    assert filled.std(dim=1).max() < 1e-3
    assert filled.mean(dim=1).tolist() == pytest.approx(mean, abs=1e-2)


def test_a_model_with_another_number_of_maps_is_refused(
    model: Any, pixels: np.ndarray
) -> None:
    scan = Scan(model, ArraySource(pixels), Tiling(64, 16), 5)
    with pytest.raises(ValueError, match=r'gives 3 score maps.*asks for 5'):
        next(scan.rows())
