# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The real command lines: train, resume, test, two processes."""

import json
import math
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from faults.materials import write_tiles
from PIL import Image
from tool_process import ROOT, run_ranks, run_tool

from aeroseg.checkpoints.read import read_checkpoint

CONFIG = 'configs/aeroseg/aeroseg_tiny_1xb2-20_openearthmap-64x64.py'
SHORT = [
    'train_cfg.max_iters=4',
    'train_cfg.val_interval=4',
    'param_scheduler.T_max=4',
    'default_hooks.checkpoint.interval=2',
    'default_hooks.logger.interval=1',
]


@pytest.fixture(scope='module')
def data(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    root = tmp_path_factory.mktemp('data')
    write_tiles(root)
    return [
        f'{loader}_dataloader.dataset.data_root={root}'
        for loader in ('train', 'val', 'test')
    ]


@pytest.fixture(scope='module')
def trained(tmp_path_factory: pytest.TempPathFactory, data: list[str]) -> Path:
    folder = tmp_path_factory.mktemp('work')
    done = run_tool(
        'tools/train.py',
        CONFIG,
        '--work-dir',
        str(folder),
        '--cfg-options',
        *data,
        *SHORT,
    )
    assert done.status == 0, done.err[-3000:]
    (folder / 'out.txt').write_text(done.out + done.err)
    return folder


def test_the_log_names_losses_words_and_parts(trained: Path) -> None:
    log = next(trained.glob('*/*.log')).read_text()
    assert 'The training vocabulary has 4 classes: bareland, rangeland' in log
    assert 'validation vocabulary has 8 classes' in log
    assert re.search(r'decode\.loss_bce: .*aux\.loss_sem: ', log)
    assert re.search(r'backbone: .* M parameters, .* M trained', log)
    assert 's-mIoU' in log
    assert 'u-mIoU' in log


def test_the_console_is_short_and_the_log_is_whole(trained: Path) -> None:
    shown = (trained / 'out.txt').read_text()
    log = next(trained.glob('*/*.log')).read_text()
    for listing in ('System environment', 'Hooks will be', 'Config:\n'):
        assert listing in log
        assert listing not in shown
    assert re.search(r'step \[4/4\]  eta: 0:00:00  loss: ', shown)
    assert 'h-mIoU' in shown
    assert f'The run is in {trained}' in shown


def test_the_checkpoint_holds_the_vocabulary(trained: Path) -> None:
    meta = read_checkpoint(trained / 'iter_4.pth')['meta']
    assert meta['vocabulary']['names'][0] == 'bareland'
    assert len(meta['vocabulary']['names']) == 4


def test_a_resumed_run_ends_with_the_same_weights(
    trained: Path, data: list[str], tmp_path: Path
) -> None:
    done = run_tool(
        'tools/train.py',
        CONFIG,
        '--work-dir',
        str(tmp_path),
        '--resume',
        str(trained / 'iter_2.pth'),
        '--cfg-options',
        *data,
        *SHORT,
    )
    assert done.status == 0, done.err[-3000:]
    expected = read_checkpoint(trained / 'iter_4.pth')
    resumed = read_checkpoint(tmp_path / 'iter_4.pth')
    for name, value in expected['state_dict'].items():
        assert torch.equal(value, resumed['state_dict'][name]), name


def test_test_writes_scores_and_pictures(
    trained: Path, data: list[str], tmp_path: Path
) -> None:
    done = run_tool(
        'tools/test.py',
        CONFIG,
        str(trained / 'iter_4.pth'),
        '--work-dir',
        str(tmp_path),
        '--result',
        str(tmp_path / 'result.json'),
        '--show-dir',
        str(tmp_path / 'pictures'),
        '--cfg-options',
        *data,
    )
    assert done.status == 0, done.err[-3000:]
    result = json.loads((tmp_path / 'result.json').read_text())
    text = json.dumps(result)
    assert 'h-mIoU' in text
    assert 'developed space' in text
    pictures = tmp_path / 'pictures' / 'vis_data' / 'vis_image'
    assert len(list(pictures.glob('*.png'))) == 4


def test_sed_trains_tests_and_predicts(
    data: list[str], tmp_path: Path
) -> None:
    config = 'configs/baselines/sed_tiny_1xb2-20_openearthmap-64x64.py'
    work = ['--work-dir', str(tmp_path)]
    options = ['--cfg-options', *data, 'model.decode_head.rejection_k=2']
    done = run_tool('tools/train.py', config, *work, *options, *SHORT)
    assert done.status == 0, done.err[-3000:]
    log = next(tmp_path.glob('*/*.log')).read_text()
    assert re.search(r'decode\.loss_bce: .*decode\.aux2\.loss_bce: ', log)
    assert 'u-mIoU' in log
    checkpoint = str(tmp_path / 'iter_4.pth')
    done = run_tool('tools/test.py', config, checkpoint, *work, *options)
    assert done.status == 0, done.err[-3000:]
    image = tmp_path / 'scene.png'
    noise = np.random.default_rng(1).integers(0, 255, (150, 90, 3), np.uint8)
    Image.fromarray(noise).save(image)
    done = run_tool(
        'tools/predict.py', str(image), '--config', config,
        '--checkpoint', checkpoint, '--classes', 'ship, boat; sea',
        '--out', str(tmp_path / 'map'),
    )  # fmt: skip
    assert done.status == 0, done.err[-3000:]
    maps = list((tmp_path / 'map').glob('*'))
    assert any(Image.open(p).size == (90, 150) for p in maps
               if p.suffix in ('.png', '.tif'))  # fmt: skip


def test_two_processes(data: list[str], tmp_path: Path) -> None:
    words = (CONFIG, '--work-dir', tmp_path, '--launcher', 'pytorch')
    ranks = run_ranks(
        ROOT / 'tools/train.py', *words, '--cfg-options', *data, *SHORT, size=2
    )
    ends = [rank.wait() for rank in ranks]
    assert [end.status for end in ends] == [0, 0], ends[0].err[-3000:]
    assert (tmp_path / 'iter_4.pth').is_file()
    assert 'h-mIoU' in next(tmp_path.glob('*/*.log')).read_text()


def test_the_script_for_several_processes_starts_torchrun(root: Path) -> None:
    done = subprocess.run(
        ['bash', 'tools/dist_train.sh', CONFIG, '2', '--work-dir', 'w'],
        cwd=root,
        env={**os.environ, 'PYTHON': 'echo'},
        capture_output=True,
        text=True,
        check=True,
    )
    started = done.stdout.split()
    assert started[:2] == ['-m', 'torch.distributed.run']
    assert '--nproc_per_node=2' in started
    ends = ['tools/train.py', CONFIG, '--launcher', 'pytorch']
    assert started[-6:] == [*ends, '--work-dir', 'w']


@pytest.mark.slow
def test_torchrun(root: Path, data: list[str], tmp_path: Path) -> None:
    script = subprocess.run(
        [
            *('bash', 'tools/dist_train.sh', CONFIG, '2'),
            *('--work-dir', str(tmp_path), '--cfg-options', *data, *SHORT),
        ],
        cwd=root,
        env={**os.environ, 'OMP_NUM_THREADS': '1', 'PYTHON': sys.executable},
        capture_output=True,
        text=True,
        check=False,
    )
    assert script.returncode == 0, script.stderr[-3000:]
    assert (tmp_path / 'iter_4.pth').is_file()
    assert 'h-mIoU' in next(tmp_path.glob('*/*.log')).read_text()


def test_mixed_precision_and_a_small_memory_on_the_cpu(
    data: list[str], tmp_path: Path
) -> None:
    """--memory 8gb: parts of one image, bfloat16 as with --amp."""
    short = ['train_cfg.max_iters=2', 'default_hooks.logger.interval=1']
    options = ['--work-dir', str(tmp_path), '--amp', '--memory', '8gb']
    done = run_tool(
        'tools/train.py',
        CONFIG,
        *options,
        '--cfg-options',
        *data,
        *short,
    )
    assert done.status == 0, done.err[-3000:]
    log = next(tmp_path.glob('*/*.log')).read_text()
    losses = re.findall(r'Iter\(train\).* loss: (\S+)', log)
    assert [math.isfinite(float(loss)) for loss in losses] == [True, True]
    assert 'accumulative_counts=2' in log
    state = read_checkpoint(tmp_path / 'iter_4.pth')['state_dict']
    kept = {
        k: v.dtype for k, v in state.items() if 'guidance_encoder' not in k
    }
    assert set(kept.values()) <= {torch.float32, torch.int64}


def test_missing_data_are_reported_before_anything_is_written(
    tmp_path: Path,
) -> None:
    work = tmp_path / 'work'
    done = run_tool(
        'tools/train.py',
        CONFIG,
        '--work-dir',
        str(work),
        '--cfg-options',
        'train_dataloader.dataset.data_root=nowhere',
    )
    assert done.status == 1
    assert 'error: OpenEarthMapDataset: no folder nowhere' in done.err
    assert 'Traceback' not in done.err
    assert not work.exists()


def test_missing_checkpoint_and_config(tmp_path: Path) -> None:
    done = run_tool('tools/test.py', CONFIG, str(tmp_path / 'none.pth'))
    assert done.status == 1
    assert 'error: there is no checkpoint' in done.err
    done = run_tool('tools/train.py', 'configs/none.py')
    assert done.status == 1
    assert 'error: there is no config configs/none.py' in done.err


@pytest.mark.parametrize('method', ['proxyclip', 'segearth-ov'])
def test_a_training_free_model_is_tested_without_a_checkpoint(
    tmp_path: Path, method: str
) -> None:
    config = f'configs/demo/training_free/{method}_world.py'
    arguments = ['--work-dir', str(tmp_path)]
    arguments += ['--result', f'{tmp_path}/a.json']
    few = ['test_dataloader.dataset.length=4', 'test_dataloader.batch_size=2']
    done = run_tool('tools/test.py', config, *arguments, '--cfg-options', *few)
    assert done.status == 0, done.err[-3000:]
    assert 'CLIP visual weights loaded' in done.out
    result = json.loads((tmp_path / 'a.json').read_text())
    assert 'red roof' in json.dumps(result)


def test_who_needs_training_and_who_does_not(tmp_path: Path) -> None:
    done = run_tool('tools/test.py', CONFIG, '--work-dir', str(tmp_path))
    assert done.status == 1
    assert done.err.strip().endswith(
        'error: AerOSeg needs training: give the checkpoint after the config'
    )
    config = 'configs/demo/training_free/sclip_world.py'
    done = run_tool('tools/train.py', config, '--work-dir', str(tmp_path))
    assert done.status == 1
    assert 'needs no training; score it with tools/test.py' in done.err
    assert 'Traceback' not in done.err


def test_tta_label_images_and_a_hook(
    trained: Path, data: list[str], tmp_path: Path
) -> None:
    done = run_tool(
        *('tools/test.py', CONFIG, str(trained / 'iter_4.pth'), '--tta'),
        *('--work-dir', str(tmp_path), '--out', str(tmp_path / 'ids')),
        *('--hook', 'type=EmptyCacheHook', '--cfg-options', *data),
    )
    assert done.status == 0, done.err[-3000:]
    assert len(list((tmp_path / 'ids').glob('*.png'))) == 4
    (result,) = tmp_path.glob('*/test_iter_4.json')
    assert 'TestTimeAug' in result.read_text()
    log = next(tmp_path.glob('*/*.log')).read_text()
    assert 'EmptyCacheHook' in log
    assert 'EmptyCacheHook' not in done.out


def test_a_json_file_as_out_and_an_unknown_hook_are_named(
    trained: Path,
) -> None:
    command = ('tools/test.py', CONFIG, str(trained / 'iter_4.pth'))
    done = run_tool(*command, '--out', 'result.json')
    assert '--result result.json' in done.err
    done = run_tool(*command, '--hook', 'type=EMAHok')
    assert 'similar are EMAHook' in done.err
