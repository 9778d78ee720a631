# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Time, memory and arithmetic of a piece of code."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from aeroseg.acceleration import accelerated

Clock = Callable[[], float]

_STATUS = Path('/proc/self/status')
_CLEAR = Path('/proc/self/clear_refs')


class Timing(NamedTuple):
    """Time of repeated runs, in seconds."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, seconds: list[float]) -> Timing:
        """Summarise the runs."""
        return cls(statistics.median(seconds), min(seconds), max(seconds))


def synchronise(device: torch.device) -> None:
    """Wait until the device has finished."""
    if device.type == 'cuda':
        torch.cuda.synchronize(device)


def time_runs(
    run: Callable[[], object],
    device: torch.device,
    repeat: int = 5,
    warm_up: int = 1,
    clock: Clock = time.perf_counter,
) -> Timing:
    """Time a piece of code.

    Args:
        run (Callable): The code.
        device (torch.device): Where it runs.
        repeat (int): Runs that count.
        warm_up (int): Runs before them that do not.
        clock (Callable): ``time.process_time`` for the time of the processor,
            all threads together, which other programs disturb less.
    """
    seconds = []
    for index in range(warm_up + repeat):
        synchronise(device)
        start = clock()
        run()
        synchronise(device)
        if index >= warm_up:
            seconds.append(clock() - start)
    return Timing.of(seconds)


@contextmanager
def stage_times(
    stages: Mapping[str, Iterable[nn.Module]],
    device: torch.device,
    clock: Clock = time.perf_counter,
) -> Iterator[dict[str, list[float]]]:
    """Record how long each call of some modules takes.

    Args:
        stages (Mapping[str, Iterable[nn.Module]]): Modules under a name;
            those of one name do not contain each other.
        device (torch.device): Where they run.
        clock (Callable): As for :func:`time_runs`.

    Yields:
        dict[str, list[float]]: Seconds of each call, by name.
    """
    seconds: dict[str, list[float]] = {name: [] for name in stages}
    starts: dict[str, float] = {}

    def before(name: str, *_: object) -> None:
        synchronise(device)
        starts[name] = clock()

    def after(name: str, *_: object) -> None:
        synchronise(device)
        seconds[name].append(clock() - starts[name])

    with ExitStack() as stack:
        for name, modules in stages.items():
            for module in modules:
                for handle in (
                    module.register_forward_pre_hook(partial(before, name)),
                    module.register_forward_hook(partial(after, name)),
                ):
                    stack.callback(handle.remove)
        yield seconds


def peak_memory(run: Callable[[], object], device: torch.device) -> int | None:
    """The most memory held while a piece of code runs, in bytes.

    On a CUDA device, what PyTorch allocated there. On the CPU, the resident
    memory of the process, weights and libraries included; None where the
    system (other than Linux) does not tell.
    """
    if device.type == 'cuda':
        torch.cuda.reset_peak_memory_stats(device)
        run()
        return torch.cuda.max_memory_allocated(device)
    try:
        _CLEAR.write_text('5')
    except OSError:
        return None
    run()
    line = _STATUS.read_text().split('VmHWM:')[1]
    return int(line.split()[0]) * 1024


def _linear_flops(
    x: Sequence[int], weight: Sequence[int], *rest: Any, **more: Any
) -> int:
    return 2 * math.prod(x) * weight[0]


_FORMULAS = {torch.ops.aeroseg.linear: _linear_flops}


def count_flops(run: Callable[[], object]) -> int:
    """Floating-point operations of the matrix products and convolutions."""
    # The fused attention of the CPU has no formula; its parts have.
    with (
        FlopCounterMode(display=False, custom_mapping=_FORMULAS) as counter,
        sdpa_kernel(SDPBackend.MATH),
    ):
        run()
    return counter.get_total_flops()


def matmul_rate(
    device: torch.device,
    dtype: torch.dtype,
    size: int = 2048,
    clock: Clock = time.perf_counter,
) -> float:
    """FLOP/s of a matrix product, to compare machines by.

    Args:
        device (torch.device): The device.
        dtype (torch.dtype): Precision of the factors.
        size (int): Rows and columns of both.
        clock (Callable): As for :func:`time_runs`.
    """
    a = torch.randn(size, size, device=device).to(dtype)
    b = torch.randn(size, size, device=device).to(dtype)
    with torch.no_grad(), accelerated():
        seconds = time_runs(lambda: F.linear(a, b), device, 8, 2, clock).low
    return 2 * size**3 / seconds
