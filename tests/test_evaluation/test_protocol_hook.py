# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""A real run leaves result files that say how the scores came about."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmengine.runner import Runner
from PIL import Image

from aeroseg.datasets import OpenVocabDataset
from aeroseg.evaluation.protocol_hook import code_commit, plain
from aeroseg.version import __version__


@pytest.fixture
def run(tmp_path: Path) -> dict:
    """The config of a run of two iterations on four tiny images."""
    random = np.random.default_rng(0)
    for name in ('images', 'labels'):
        (tmp_path / name).mkdir()
    for i in range(4):
        image = random.integers(0, 255, (32, 32, 3), dtype=np.uint8)
        label = random.integers(0, 3, (32, 32), dtype=np.uint8)
        Image.fromarray(image).save(tmp_path / f'images/{i}.png')
        Image.fromarray(label).save(tmp_path / f'labels/{i}.png')
    pipeline = [
        {'type': 'LoadImageFromFile'},
        {'type': 'LoadAnnotations'},
        {'type': 'PackSegInputs'},
    ]
    loader = {
        'batch_size': 2,
        'num_workers': 0,
        'sampler': {'type': 'DefaultSampler', 'shuffle': False},
        'dataset': {
            'type': OpenVocabDataset.__name__,
            'data_root': str(tmp_path),
            'data_prefix': {'img_path': 'images', 'seg_map_path': 'labels'},
            'metainfo': {
                'classes': ('road', 'tree', 'water'),
                'seen_classes': ('road', 'tree'),
            },
            'pipeline': pipeline,
        },
    }
    norm = {'type': 'BN'}
    model = {
        'type': 'EncoderDecoder',
        'data_preprocessor': {'type': 'SegDataPreProcessor', 'size': (32, 32)},
        'backbone': {
            'type': 'CGNet',
            'norm_cfg': norm,
            'num_channels': (4, 8, 8),
            'num_blocks': (1, 1),
            'dilations': (2, 4),
            'reductions': (2, 2),
        },
        'decode_head': {
            'type': 'FCNHead',
            'in_channels': 16,
            'in_index': 2,
            'channels': 4,
            'num_convs': 1,
            'concat_input': False,
            'num_classes': 3,
            'norm_cfg': norm,
        },
        'test_cfg': {
            'mode': 'slide',
            'crop_size': (32, 32),
            'stride': (16, 16),
        },
    }
    return {
        'model': model,
        'work_dir': str(tmp_path / 'work'),
        'train_dataloader': loader,
        'val_dataloader': loader,
        'test_dataloader': loader,
        'train_cfg': {
            'type': 'IterBasedTrainLoop',
            'max_iters': 2,
            'val_interval': 1,
        },
        'val_cfg': {'type': 'ValLoop'},
        'test_cfg': {'type': 'TestLoop'},
        'optim_wrapper': {'optimizer': {'type': 'SGD', 'lr': 0.01}},
        'val_evaluator': {'type': 'OpenVocabIoUMetric'},
        'test_evaluator': {'type': 'OpenVocabIoUMetric'},
        'default_hooks': {
            'checkpoint': {
                'type': 'CheckpointHook',
                'by_epoch': False,
                'interval': 1,
                'save_best': 'h-mIoU',
            }
        },
        'custom_hooks': [{'type': 'ProtocolHook'}],
        'default_scope': 'mmseg',
        'randomness': {'seed': 7},
    }


def build(config: dict, name: str) -> Runner:
    DefaultScope.get_instance(name, scope_name='mmseg')
    return Runner.from_cfg(Config({**config, 'experiment_name': name}))


def test_training_and_testing_leave_a_file_each(run: dict) -> None:
    runner = build(run, 'protocol_train')
    runner.train()
    work = Path(run['work_dir'])
    files = sorted(work.glob('*/val_iter_*.json'))
    assert [path.name for path in files] == [
        'val_iter_1.json',
        'val_iter_2.json',
    ]
    scores = [json.loads(p.read_text())['summary']['h-mIoU'] for p in files]
    best = scores.index(max(scores)) + 1
    assert (work / f'best_h-mIoU_iter_{best}.pth').is_file()

    weights = str(work / 'iter_2.pth')
    tester = build({**run, 'load_from': weights}, 'protocol_test')
    summary = tester.test()
    # No training loop was built, which would cost its data and workers and
    # give the pictures the training classes.
    assert isinstance(tester._train_loop, dict)
    (path,) = work.glob('*/test_iter_2.json')
    record = json.loads(path.read_text())
    assert record['summary'] == pytest.approx(summary)
    # The weights of iteration 2 score as they did while training.
    assert summary['h-mIoU'] == pytest.approx(scores[1])

    protocol = record['protocol']
    assert protocol['phase'] == 'test'
    assert protocol['dataset']['type'] == 'OpenVocabDataset'
    assert protocol['dataset']['images'] == 4
    assert 'LoadImageFromFile' in protocol['dataset']['pipeline'][0]
    assert protocol['model']['test_cfg'] == {
        'mode': 'slide',
        'crop_size': [32, 32],
        'stride': [16, 16],
    }
    assert protocol['run']['checkpoint'] == weights
    assert protocol['run']['seed'] == 7
    assert protocol['code']['aeroseg'] == __version__
    assert protocol['seconds_per_image'] > 0
    training = protocol['training']
    assert training['batch'] == 2
    assert training['cpu_seconds'] > 0
    assert training['trained_parameters'] == sum(
        weight.numel() for weight in runner.model.parameters()
    )


def test_a_resumed_training_counts_the_time_before(run: dict) -> None:
    build(run, 'protocol_first').train()
    path = Path(run['work_dir']) / 'iter_2.pth'
    checkpoint = torch.load(path, weights_only=False)
    checkpoint['meta']['training']['cpu_seconds'] = 1000.0
    torch.save(checkpoint, path)
    run['train_cfg']['max_iters'] = 3
    again = {**run, 'load_from': str(path), 'resume': True}
    build(again, 'protocol_again').train()
    resumed = torch.load(path.with_name('iter_3.pth'), weights_only=False)
    assert 1000 < resumed['meta']['training']['cpu_seconds'] < 1100
    fresh = {**run, 'load_from': str(path)}
    build(fresh, 'protocol_fresh').train()
    other = torch.load(path.with_name('iter_3.pth'), weights_only=False)
    assert 0 < other['meta']['training']['cpu_seconds'] < 100


def test_a_given_result_file_wins(run: dict, tmp_path: Path) -> None:
    target = tmp_path / 'mine.json'
    run['test_evaluator']['result_file'] = str(target)
    build(run, 'protocol_given').test()
    assert target.is_file()
    assert not list(Path(run['work_dir']).glob('*/test_*.json'))


def test_the_commit_is_that_of_the_checkout(root: Path) -> None:
    if not (root / '.git').exists():
        pytest.skip('not in a git checkout')
    commit = code_commit()
    assert commit is not None
    assert len(commit) == 40


def test_plain_values() -> None:
    value = plain({'a': (1, None, {2.5}), 3: Path('x')})
    assert value == {'a': [1, None, '{2.5}'], '3': 'x'}
