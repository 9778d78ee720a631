# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
from collections.abc import Iterator

import pytest
import torch
from torch.nn.functional import interpolate

from aeroseg.mapping.windows.resample_rows import ResampleAxis, ResampleRows

GRID = (101, 77)


def _chunks(scores: torch.Tensor, start: int) -> Iterator:
    for top in range(start // 20 * 20, GRID[0], 20):
        yield top, scores[:, top : top + 20]


@pytest.mark.parametrize(
    'shape',
    [
        (303, 231),
        (404, 90),
        (50, 40),
        (33, 154),
        (1, 1),
        GRID,
        (101, 231),
        (303, 77),
    ],
)
@pytest.mark.parametrize('first', [0, 17, 32])
def test_rows_equal_the_resampled_whole(
    shape: tuple[int, int], first: int
) -> None:
    first = min(first, shape[0] - 1)
    scores = torch.rand(2, *GRID)
    resample = ResampleRows(GRID, shape)
    parts, expected = [], first
    chunks = _chunks(scores, resample.rows.first_needed(first))
    for top, part in resample(chunks, first):
        assert top == expected
        expected += part.shape[1]
        parts.append(part.clone())
    whole = interpolate(scores[None], shape, mode='bilinear')[0]
    found = torch.cat(parts, dim=1)
    assert torch.allclose(found, whole[:, first:], atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    'shape', [(303, 231), (50, 40), (33, 154), GRID, (303, 77), (101, 90)]
)
@pytest.mark.parametrize('share', [(0, 0.3), (0.2, 0.9), (0.7, 1)])
def test_some_columns_equal_those_of_the_whole(
    shape: tuple[int, int], share: tuple[float, float]
) -> None:
    scores = torch.rand(2, *GRID)
    columns = range(*(int(part * shape[1]) for part in share))
    axis = ResampleAxis(GRID[1], shape[1])
    first = axis.first_needed(columns.start)
    last = axis.last_needed(columns.stop - 1)
    part = scores[..., first : last + 1]  # and no column more
    resample = ResampleRows(GRID, shape, columns, origin=first)
    found = torch.cat([rows.clone() for _, rows in resample([(0, part)])], 1)
    whole = interpolate(scores[None], shape, mode='bilinear')[0]
    whole = whole[..., columns.start : columns.stop]
    torch.testing.assert_close(found, whole, atol=1e-5, rtol=0)


@pytest.mark.parametrize('sizes', [(77, 231), (77, 40), (77, 77), (9, 1)])
def test_an_axis_is_ready_as_far_as_it_needs_no_more(
    sizes: tuple[int, int],
) -> None:
    axis = ResampleAxis(*sizes)
    for arrived in range(1, sizes[0] + 1):
        enough = [axis.last_needed(p) < arrived for p in range(sizes[1])]
        assert axis.ready(arrived) == sum(enough)


def test_equal_sizes_are_yielded_untouched() -> None:
    scores = torch.rand(2, *GRID)
    (_, part), *_ = ResampleRows(GRID, GRID)([(0, scores)])
    assert part.data_ptr() == scores.data_ptr()


def test_little_is_held_back() -> None:
    resample = ResampleRows(GRID, (1010, 770))
    scores = torch.rand(1, *GRID)
    rows = resample([(0, scores[:, :50])])
    done = max(top + part.shape[1] for top, part in rows)
    assert done >= 10 * 49
