# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Logs how strongly each loss pulls at the weights."""

import copy
from typing import Any

import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS
from torch import Tensor

from aeroseg.models.segmentors import unwrapped


@HOOKS.register_module()
class GradientNormHook(Hook):
    """Logs the gradient norm of every loss, so that drowning can be seen.

    The norm is taken over the weights that all losses reach: there they
    compete. It is the norm before clipping, of this process's part of the
    batch. An additional forward pass is made for it; training itself is not
    changed: random state and buffers are restored.

    The log has a column ``grad_norm/NAME`` per loss, such as
    ``grad_norm/decode.loss_bce`` and ``grad_norm/aux.loss_sem``.

    Args:
        interval (int): Iterations from one measurement to the next, at least
            1. Use the interval of the logger, or a multiple: the log shows
            the mean of what was measured since its last line.

    Raises:
        ValueError: If the interval is below 1.
    """

    def __init__(self, interval: int = 50) -> None:
        if interval < 1:
            raise ValueError(f'interval is {interval}; it must be at least 1')
        self.interval = interval

    def before_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None
    ) -> None:
        """Measure with the batch that is trained on next."""
        if not self.every_n_train_iters(runner, self.interval):
            return
        model = unwrapped(runner.model)
        with (
            torch.random.fork_rng(),
            runner.optim_wrapper.optim_context(model),
        ):
            norms = gradient_norms(model, data_batch)
        for name, norm in norms.items():
            runner.message_hub.update_scalar(f'train/grad_norm/{name}', norm)


def gradient_norms(model: Any, data_batch: Any) -> dict[str, float]:
    """Norm of the gradient of each loss over the weights all of them reach.

    Args:
        model (BaseSegmentor): In training mode.
        data_batch (dict): As the dataloader makes it; it is not changed.

    Returns:
        dict[str, float]: Norms by the name of the loss. Losses that no
        weight was trained for are left out.
    """
    buffers = {name: value.clone() for name, value in model.named_buffers()}
    data = model.data_preprocessor(copy.deepcopy(data_batch), True)
    losses = {
        name: _total(value)
        for name, value in model(**data, mode='loss').items()
        if 'loss' in name
    }
    weights = [p for p in model.parameters() if p.requires_grad]
    gradients = {
        name: torch.autograd.grad(
            loss, weights, retain_graph=True, allow_unused=True
        )
        for name, loss in losses.items()
        if loss.requires_grad
    }
    for name, buffer in model.named_buffers():
        buffer.copy_(buffers[name])
    shared = [
        parts
        for parts in zip(*gradients.values(), strict=True)
        if all(part is not None for part in parts)
    ]
    columns = zip(*shared, strict=True)
    return {
        name: float(torch.stack([g.float().norm() for g in column]).norm())
        for name, column in zip(gradients, columns, strict=False)
    }


def _total(loss: Tensor | list[Tensor]) -> Tensor:
    """Mmseg's losses are tensors or lists of them; their mean counts."""
    if isinstance(loss, Tensor):
        return loss.mean()
    return torch.stack([part.mean() for part in loss]).sum()
