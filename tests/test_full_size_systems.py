# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Every system at full size on real tiles: a table of docs/notes/costs.md."""

import multiprocessing
import resource
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.model import revert_sync_batchnorm
from mmengine.optim import build_optim_wrapper
from mmseg.registry import DATASETS, MODELS
from torch import nn

from aeroseg.acceleration import accelerated
from aeroseg.datasets.converters import OpenEarthMapConverter
from aeroseg.datasets.converters.conversion import Conversion
from aeroseg.read_config import read_config

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ('baselines', 'san', 'scan', 'closed_set', 'training_free')
LEAVES = sorted(
    str(path.relative_to(ROOT))
    for folder in FOLDERS
    for path in (ROOT / 'configs' / folder).glob('*openearthmap*.py')
    if 'tiny' not in path.stem
)
STEPS = 2


@pytest.fixture(scope='module')
def tiles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nine tiles of a real scene, for training and test."""
    source = ROOT.parent / 'shared/data/openearthmap'
    if not source.is_dir():
        pytest.skip('no real imagery next to the checkout')
    target = tmp_path_factory.mktemp('openearthmap')
    converter = OpenEarthMapConverter([source], without_xbd=True)
    conversion = Conversion(converter, target, workers=1)
    assert len(list(conversion.run())) == 2  # listed for train and for val
    conversion.finish()
    return target


def batch(
    model: nn.Module, config: Config, part: str, number: int, tiles: Path
) -> dict:
    """The first tiles of a dataloader; the model gets its vocabulary."""
    loader = config[f'{part}_dataloader'].dataset
    dataset = DATASETS.build({**loader, 'data_root': str(tiles)})
    model.dataset_meta = dataset.metainfo
    return pseudo_collate([dataset[i] for i in range(number)])


def strip_weights(part: Any) -> None:
    """Random weights: nothing is fetched."""
    if isinstance(part, dict):
        part.pop('init_cfg', None)
        for inner in part.values():
            strip_weights(inner)


def steps(leaf: str, tiles: Path) -> tuple[tuple[int, ...], str]:
    """Some steps of training, one of testing, and a row of the table.

    CPU seconds of the last step of training and of the test.
    """
    torch.manual_seed(0)
    config = read_config(ROOT / leaf)
    strip_weights(config.model)
    config.model.pop('pretrained', None)
    model = revert_sync_batchnorm(MODELS.build(config.model))
    model.init_weights()
    # Batch norm of a pooled map of one pixel needs two images.
    number = 2 if 'closed_set' in leaf else 1
    seconds: float | None = None
    if config.get('train_dataloader'):
        wrapper = build_optim_wrapper(model.train(), config.optim_wrapper)
        for _ in range(STEPS):
            data = batch(model, config, 'train', number, tiles)
            start = time.process_time()
            with accelerated():
                losses = model.train_step(data, wrapper)
            seconds = time.process_time() - start
            assert torch.isfinite(losses['loss'])
    data = batch(model, config, 'test', 1, tiles)
    start = time.process_time()
    with accelerated(), torch.no_grad():
        (result,) = model.eval().test_step(data)
    tested = time.process_time() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    parts = [(p.numel() / 1e6, p.requires_grad) for p in model.parameters()]
    total = sum(n for n, _ in parts)
    trained = sum(n for n, trains in parts if trains)
    row = (
        f'| {Path(leaf).stem} | {"" if seconds is None else number} '
        f'| {total:.1f} | {0 if seconds is None else trained:.1f} '
        f'| {peak:.1f} GiB | {"" if seconds is None else f"{seconds:.1f} s"} '
        f'| {tested:.1f} s |'
    )
    return tuple(result.pred_sem_seg.data.shape), row


@pytest.mark.slow
@pytest.mark.parametrize('leaf', LEAVES)
def test_the_full_size_trains_and_tests(leaf: str, tiles: Path) -> None:
    # A process of its own: the peak of a process never falls.
    # Forked, because a test module cannot be imported by its name.
    fork = multiprocessing.get_context('fork')
    with ProcessPoolExecutor(1, mp_context=fork) as pool:
        shape, row = pool.submit(steps, leaf, tiles).result()
    sys.stdout.write(f'{row}\n')
    assert shape == (1, 256, 256)
