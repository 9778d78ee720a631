# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.functional import interpolate

from aeroseg.mapping.label_scheme import LabelScheme
from aeroseg.mapping.reading.image_source import ArraySource
from aeroseg.mapping.windows.lanes import make_lanes
from aeroseg.mapping.windows.map_rows import map_rows, warm_up
from aeroseg.mapping.windows.scan import Scan
from aeroseg.mapping.windows.tiling import Tiling
from aeroseg.vocabulary import Vocabulary


class Corner(ArraySource):
    """A scene whose upper left corner holds no data."""

    def valid(
        self, top: int, bottom: int, left: int = 0, right: int | None = None
    ) -> np.ndarray:
        valid = np.ones(self.shape, bool)
        valid[:90, :40] = False
        return valid[top:bottom, left:right]


def _join(
    scan: Scan, scheme: LabelScheme, first: int = 0
) -> tuple[np.ndarray, torch.Tensor]:
    labels, scores, expected = [], [], first
    for top, ids, found in map_rows(scan, scheme, first):
        assert top == expected
        assert ids.shape == found.shape[1:]
        expected += len(ids)
        labels.append(ids)
        scores.append(found.clone())
    return np.concatenate(labels), torch.cat(scores, dim=1)


@pytest.mark.parametrize('scale', [1.0, 2.0, 0.5])
@pytest.mark.parametrize('threshold', [None, 0.5])
def test_the_map_is_that_of_the_whole_scene(
    model: Any, pixels: np.ndarray, scale: float, threshold: float | None
) -> None:
    words = Vocabulary(('building', 'road', 'tree'), threshold=threshold)
    scheme, source = LabelScheme(words), Corner(pixels, scale)
    scan = Scan(model, source, Tiling(64, 16, margin=4), 3)
    labels, scores = _join(scan, scheme)
    seen = source.read(0, source.grid[0])[0].transpose(1, 2, 0)
    whole = model.whole(seen)
    if scale != 1:
        whole = interpolate(whole[None], source.shape, mode='bilinear')[0]
    torch.testing.assert_close(scores, whole, rtol=0, atol=1e-5)
    expected = scheme.decide(scores)
    expected[:90, :40] = 255
    assert (labels == expected).all()
    assert labels.dtype == scheme.dtype


@pytest.mark.parametrize('scale', [1.0, 0.7, 1.6])
@pytest.mark.parametrize('overlap', [0, 13])
def test_lanes_next_to_each_other_are_the_map(
    model: Any,
    pixels: np.ndarray,
    scheme: LabelScheme,
    scale: float,
    overlap: int,
) -> None:
    source = Corner(np.tile(pixels, (1, 12, 1)), scale)
    tiling = Tiling(64, overlap)
    lanes = make_lanes(source, tiling, windows=5)
    assert [lane.left for lane in lanes] == [0, 512, 1024]
    scans = [Scan(model, source, tiling, 3, lane=lane) for lane in lanes]
    parts = [_join(scan, scheme) for scan in scans]
    labels, scores = _join(Scan(model, source, tiling, 3), scheme)
    found = torch.cat([part for _, part in parts], dim=2)
    # interpolate() rounds the places of columns far to the right.
    near = 1e-5 if scale == 1 else 2e-4
    torch.testing.assert_close(found, scores, rtol=0, atol=near)
    joined = np.concatenate([ids for ids, _ in parts], axis=1)
    assert (joined == labels).mean() > 0.999
    # A lane sees the columns that it needs and no others.
    whole = sum(len(scan.columns) for scan in scans)
    assert whole <= len(tiling.axis(source.grid[1])) + 2 * (len(lanes) - 1)


@pytest.mark.parametrize('scale', [1.0, 0.7, 1.6])
@pytest.mark.parametrize('first', [1, 48, 149])
def test_a_later_start_gives_the_same_bits(
    model: Any,
    pixels: np.ndarray,
    scheme: LabelScheme,
    scale: float,
    first: int,
) -> None:
    scan = Scan(model, ArraySource(pixels, scale), Tiling(64, 30), 3)
    labels, scores = _join(scan, scheme)
    later, later_scores = _join(scan, scheme, first)
    assert (later == labels[first:]).all()
    assert torch.equal(later_scores, scores[:, first:])


def test_time_is_counted_by_what_it_was_spent_on(
    model: Any, pixels: np.ndarray, scheme: LabelScheme
) -> None:
    scan = Scan(model, ArraySource(pixels, 0.5), Tiling(64, 16), 3)
    _join(scan, scheme)
    parts = {'reading', 'model', 'blending', 'resampling', 'deciding'}
    assert set(scan.clock.seconds) == parts


def test_warm_up_predicts_one_batch(model: Any, pixels: np.ndarray) -> None:
    warm_up(Scan(model, ArraySource(pixels), Tiling(64, 16), 3))
    assert model.calls == 1


def test_memory_short_in_the_warm_up_counts_from_the_first_window(
    pixels: np.ndarray,
) -> None:
    class Small:
        def predict_scores(self, images: torch.Tensor) -> torch.Tensor:
            if len(images) > 1:
                raise MemoryError
            return images

    scan = Scan(Small(), ArraySource(pixels, 2), Tiling(64, 16), 3)
    warm_up(scan, 100)  # row 200 of the grid: the fourth strip
    first = 3 * len(scan.columns)
    batches = scan.model.batches
    assert scan.strips.starts[2] + 64 <= 200 < scan.strips.starts[3] + 64
    assert (batches.at(first - 1), batches.at(first)) == (4, 1)
