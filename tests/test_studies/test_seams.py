# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
from typing import Any

import numpy as np
import pytest
import torch
from seams import measure_seams

from aeroseg.apis import Tiling


def test_a_local_model_has_no_seams(model: Any, pixels: np.ndarray) -> None:
    found = measure_seams(model, pixels, Tiling(32, 12, margin=3), 3)
    assert found.contrast == pytest.approx(1, abs=0.2)
    assert found.agreement > 0.999


def test_a_model_that_compares_within_its_window_has(
    pixels: np.ndarray,
) -> None:
    class Relative:
        """Bright or dark, relative to the mean of the window."""

        def predict_scores(self, images: torch.Tensor) -> torch.Tensor:
            grey = images.mean(dim=1, keepdim=True) / 255
            grey = grey - grey.mean(dim=(2, 3), keepdim=True)
            return torch.cat([grey, -grey], dim=1) + 0.5

    bright = np.linspace(0, 200, 110)[None, :, None] + pixels / 50
    image = bright.astype(np.uint8)
    hard = measure_seams(Relative(), image, Tiling(32, 0), 2)
    soft = measure_seams(Relative(), image, Tiling(32, 16), 2)
    assert hard.contrast > 3
    assert 0.5 < soft.contrast < hard.contrast / 2
    assert hard.agreement < 0.9
