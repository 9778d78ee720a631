# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""docs/adding.md: the package in examples/ trains and is scored."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tool_process import run_tool

SHORT = (
    'train_cfg.max_iters=2', 'param_scheduler.T_max=2',
    'train_cfg.val_interval=2', 'default_hooks.logger.interval=1',
)  # fmt: skip


@pytest.fixture
def data(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    for split in ('train', 'val'):
        label = rng.integers(0, 4, (64, 64), dtype=np.uint8)
        image = rng.integers(0, 255, (64, 64, 3), dtype=np.uint8)
        for kind, array in (('img', image), ('ann', label)):
            path = tmp_path / 'data' / f'{kind}_dir' / split / 'a.png'
            path.parent.mkdir(parents=True)
            Image.fromarray(array).save(path)
    return tmp_path / 'data'


def test_a_package_of_ones_own_trains_and_is_scored(
    root: Path, data: Path, tmp_path: Path
) -> None:
    options = [
        f'{part}_dataloader.dataset.data_root={data}'
        for part in ('train', 'val', 'test')
    ]
    done = run_tool(
        *('tools/train.py', 'examples/harbour_tiny.py'),
        *('--work-dir', tmp_path / 'work', '--cfg-options', *options, *SHORT),
        environment={'PYTHONPATH': str(root / 'examples')},
    )
    assert done.status == 0, done.err[-3000:]
    log = next(tmp_path.glob('work/*/*.log')).read_text()
    assert 'decode.loss_focal' in log
    assert 'water, quay (pier, wharf), ship, container*' in log
    assert 'h-mIoU' in log


def test_the_page_shows_the_files_as_they_are(root: Path) -> None:
    page = (root / 'docs' / 'adding.md').read_text(encoding='utf-8')
    for name in ('dataset', 'timm_guidance', 'focal_loss'):
        code = root / 'examples' / 'harbour' / f'{name}.py'
        _, _, body = code.read_text(encoding='utf-8').partition('\n')
        assert body.strip() in page, name
    config = root / 'examples' / 'harbour_tiny.py'
    assert config.read_text(encoding='utf-8').strip() in page
