# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""SAN and mmseg's models at full size: rows of a table of docs/training.md."""

import multiprocessing
import resource
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.model import revert_sync_batchnorm
from mmengine.optim import build_optim_wrapper
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample

from aeroseg.read_config import read_config

ROOT = Path(__file__).resolve().parents[1]
LEAVES = sorted(
    str(path.relative_to(ROOT))
    for folder in ('san', 'closed_set')
    for path in (ROOT / 'configs' / folder).glob('*isaid*.py')
)


def batch(size: int, number: int, classes: int) -> dict[str, Any]:
    shape = {'img_shape': (size, size), 'ori_shape': (256, 256)}
    images, samples = [], []
    for _ in range(number):
        label = torch.randint(0, classes, (1, size, size))
        label[:, : size // 4] = 255
        sample = SegDataSample(metainfo={**shape, 'pad_shape': (size, size)})
        sample.gt_sem_seg = PixelData(data=label)
        samples.append(sample)
        images.append(torch.randint(0, 256, (3, size, size)).byte())
    return {'inputs': images, 'data_samples': samples}


def steps(leaf: str) -> tuple[tuple[int, ...], str]:
    """One step of training and one of testing, and a row of the table."""
    config = read_config(ROOT / leaf)
    for part in config.model.values():
        if isinstance(part, dict):
            part.pop('init_cfg', None)  # random weights: nothing is fetched
    config.model.pop('pretrained', None)
    size = config.model.data_preprocessor.size[0]
    # Batch norm of a pooled map of one pixel needs two images.
    number = 1 if config.model.type == 'SAN' else 2
    model = revert_sync_batchnorm(MODELS.build(config.model))
    model.init_weights()
    wrapper = build_optim_wrapper(model, config.optim_wrapper)
    start = time.perf_counter()
    losses = model.train().train_step(batch(size, number, 9), wrapper)
    middle = time.perf_counter()
    assert torch.isfinite(losses['loss'])
    (result,) = model.eval().test_step(batch(size, 1, 9))
    end = time.perf_counter()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    parts = [(p.numel() / 1e6, p.requires_grad) for p in model.parameters()]
    total = sum(n for n, _ in parts)
    trained = sum(n for n, trains in parts if trains)
    row = (
        f'| {Path(leaf).stem} | {number} | {total:.1f} | {trained:.1f} '
        f'| {peak:.1f} GiB | {middle - start:.1f} s | {end - middle:.1f} s |'
    )
    return tuple(result.pred_sem_seg.data.shape), row


@pytest.mark.slow
@pytest.mark.parametrize('leaf', LEAVES)
def test_the_full_size_trains_and_tests(leaf: str) -> None:
    # A process of its own: the peak of a process never falls.
    # Forked, because a test module cannot be imported by its name.
    fork = multiprocessing.get_context('fork')
    with ProcessPoolExecutor(1, mp_context=fork) as pool:
        shape, row = pool.submit(steps, leaf).result()
    sys.stdout.write(f'{row}\n')
    assert shape == (1, 256, 256)
