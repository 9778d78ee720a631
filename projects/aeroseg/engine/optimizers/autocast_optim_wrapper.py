# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Training in bfloat16 on any device."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from mmengine.optim import OptimWrapper
from mmseg.registry import OPTIM_WRAPPERS
from torch import nn


@OPTIM_WRAPPERS.register_module()
class AutocastOptimWrapper(OptimWrapper):
    """An optimiser whose forward pass runs under bfloat16 autocast.

    Weights, gradients and the optimiser's state stay float32. bfloat16 has
    the range of float32, so losses need no scaling. mmengine's
    ``AmpOptimWrapper`` does the same with scaling, and not on a CPU; use it
    on GPUs that have float16 but no bfloat16.

    Args:
        **kwargs: Arguments of mmengine's ``OptimWrapper``.
    """

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[Any]:
        """Surrounds the forward pass of a training step."""
        device = next(model.parameters()).device.type
        bfloat16 = torch.autocast(device, torch.bfloat16)
        with super().optim_context(model), bfloat16:
            yield
