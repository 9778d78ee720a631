# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Guidance maps for the decoder."""

import pytest
import torch

from aeroseg.models.decode_heads.guidance_projection import GuidanceProjection


@pytest.mark.parametrize('upsample', ['nearest', 'deconv'])
@pytest.mark.parametrize('scale', [2, 4])
def test_size_and_width(upsample: str, scale: int) -> None:
    project = GuidanceProjection(6, 4, scale, upsample, mid_channels=5)
    out = project(torch.randn(2, 6, 3, 5))
    assert out.shape == (2, 4, 3 * scale, 5 * scale)
    assert out.min() >= 0


def test_nearest_repeats_cells() -> None:
    out = GuidanceProjection(6, 4, 2)(torch.randn(1, 6, 3, 5))
    assert torch.equal(out[..., ::2, ::2], out[..., 1::2, 1::2])


def test_unknown_upsampling() -> None:
    with pytest.raises(ValueError, match="'nearest' and 'deconv'"):
        GuidanceProjection(6, 4, 2, 'bilinear')
