# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Closed-set models: one numbering of classes in training and testing."""

from pathlib import Path
from typing import Any

import pytest
import torch
from data.make_pairs import make_pairs
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmseg.registry import DATASETS, METRICS

from aeroseg.engine.closed_set import check_config
from aeroseg.engine.launch import check_datasets
from aeroseg.read_config import read_config

ROOT = Path(__file__).resolve().parents[2]
SIZES = {'ISAID15Dataset': 15, 'DLRSDDataset': 17, 'OpenEarthMapDataset': 8}
FILES = {
    'ISAID15Dataset': 'isaid',
    'DLRSDDataset': 'dlrsd',
    'OpenEarthMapDataset': 'openearthmap',
}
PIPELINE = [
    {'type': 'LoadImageFromFile'},
    {'type': 'LoadLabels'},
    {'type': 'PackSegInputs'},
]


def perfect_scores(root: Path, kind: str, **chosen: str) -> dict[str, float]:
    """Score what a model can know that learned its training labels by heart.

    It answers a pixel with the id that the training data give it, and with no
    class where they give none.
    """
    init_default_scope('mmseg')
    make_pairs(root, num_classes=SIZES[kind])
    settings = {
        'type': kind,
        'data_root': str(root),
        'data_prefix': {
            'img_path': 'img_dir/train',
            'seg_map_path': 'ann_dir/train',
        },
        'pipeline': PIPELINE,
    }
    learned = DATASETS.build({**settings, **chosen})
    test = DATASETS.build({**settings, 'test_mode': True})
    metric = METRICS.build({'type': 'OpenVocabIoUMetric'})
    metric.dataset_meta = test.metainfo
    for known, asked in zip(learned, test, strict=True):
        guess = known['data_samples'].gt_sem_seg.data
        truth = asked['data_samples'].gt_sem_seg.data
        sample = {
            'pred_sem_seg': {'data': guess},
            'gt_sem_seg': {'data': truth},
        }
        metric.process({}, [sample])
    return metric.evaluate(len(test))


@pytest.mark.parametrize('kind', SIZES)
def test_perfect_on_the_seen_classes_is_a_full_score(
    tmp_path: Path, kind: str
) -> None:
    scores = perfect_scores(tmp_path, kind, labels='seen')
    assert scores['s-mIoU'] == 100
    assert scores['u-mIoU'] == scores['h-mIoU'] == 0


@pytest.mark.parametrize('kind', SIZES)
def test_all_labels_are_the_upper_bound(tmp_path: Path, kind: str) -> None:
    scores = perfect_scores(tmp_path, kind)
    assert scores['s-mIoU'] == scores['u-mIoU'] == scores['h-mIoU'] == 100


@pytest.mark.parametrize('kind', SIZES)
def test_renumbered_classes_would_give_wrong_scores(
    tmp_path: Path, kind: str
) -> None:
    scores = perfect_scores(tmp_path, kind, classes='seen')
    assert scores['s-mIoU'] < 60


def closed_set(kind: str = 'ISAID15Dataset') -> Config:
    name = f'segformer_mit-b0_1xb4-80k_{FILES[kind]}-384x384.py'
    return read_config(ROOT / 'configs/closed_set' / name)


def tiny(kind: str, root: Path, **changes: Any) -> Config:
    """A shipped config, with a small SegFormer and two iterations."""
    make_pairs(root, 'train', 4, SIZES[kind], (64, 64))
    make_pairs(root, 'val', 2, SIZES[kind], (64, 64), seed=1)
    config = closed_set(kind)
    loader = {'num_workers': 0, 'persistent_workers': False}
    options: dict[str, Any] = {
        'model.backbone.init_cfg': None,
        'model.backbone.embed_dims': 8,
        'model.backbone.num_layers': [1, 1, 1, 1],
        'model.decode_head.in_channels': [8, 16, 40, 64],
        'model.decode_head.channels': 16,
        'model.decode_head.norm_cfg.type': 'BN',
        'model.data_preprocessor.size': (64, 64),
        'train_cfg': {'max_iters': 2, 'val_interval': 2},
        'train_dataloader.batch_size': 2,
        'train_dataloader.dataset.pipeline.2.scale': 64,
        'train_dataloader.dataset.pipeline.3.crop_size': (64, 64),
        'work_dir': str(root / 'work'),
    }
    for name in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        options[f'{name}.dataset.data_root'] = str(root)
        options |= {f'{name}.{k}': v for k, v in loader.items()}
    config.merge_from_dict({**options, **changes})
    return config


@pytest.mark.parametrize('kind', SIZES)
def test_a_segformer_trains_on_seen_labels_and_tests_on_all(
    tmp_path: Path, kind: str
) -> None:
    config = tiny(kind, tmp_path, experiment_name=f'closed {kind}')
    check_datasets(config, ['train_dataloader', 'val_dataloader'])
    before = Runner.from_cfg(config)
    before.train()
    labels = before.train_dataloader.dataset[0]['data_samples'].gt_sem_seg
    meta = before.train_dataloader.dataset.metainfo
    seen = {meta['classes'].index(n) for n in meta['seen_classes']}
    assert set(labels.data.unique().tolist()) == seen | {255}

    config.load_from = str(tmp_path / 'work/iter_2.pth')
    config.experiment_name += ' test'
    scores = Runner.from_cfg(config).test()
    assert 0 <= scores['s-mIoU'] <= 100
    assert scores['u-mIoU'] >= 0


WRONG = {'train_dataloader.dataset.classes': 'seen'}
RIGHT = r"dataset=dict\(classes='all', labels='seen'\)"


def test_the_wrong_recipe_is_refused_before_anything_is_written() -> None:
    config = closed_set()
    config.merge_from_dict(WRONG)
    with pytest.raises(ValueError, match=RIGHT):
        check_config(config)


def test_the_wrong_recipe_is_refused_by_the_hook(tmp_path: Path) -> None:
    kind = 'OpenEarthMapDataset'
    heads = {'model.decode_head.num_classes': 4}
    config = tiny(
        kind, tmp_path, experiment_name='wrong recipe', **WRONG, **heads
    )
    with pytest.raises(ValueError, match=RIGHT):
        Runner.from_cfg(config).train()


def test_a_checkpoint_of_the_wrong_recipe_is_refused(tmp_path: Path) -> None:
    kind = 'OpenEarthMapDataset'
    config = tiny(kind, tmp_path, experiment_name='wrong checkpoint')
    runner = Runner.from_cfg(config)
    path = tmp_path / 'old.pth'
    seen = ('bareland', 'rangeland', 'road', 'building')
    meta = {'dataset_meta': {'classes': seen}}
    torch.save({'state_dict': runner.model.state_dict(), 'meta': meta}, path)
    config.load_from, config.experiment_name = str(path), 'wrong test'
    with pytest.raises(ValueError, match=RIGHT):
        Runner.from_cfg(config).test()


def test_a_checkpoint_of_another_model_is_refused(tmp_path: Path) -> None:
    config = tiny('OpenEarthMapDataset', tmp_path, experiment_name='misfit')
    torch.save({'state_dict': {'x': torch.ones(1)}}, tmp_path / 'x.pth')
    config.load_from = str(tmp_path / 'x.pth')
    with pytest.raises(ValueError, match=r'does not fit.*is missing'):
        Runner.from_cfg(config).test()


def test_outputs_and_classes_agree() -> None:
    config = closed_set()
    config.model.decode_head.num_classes = 9
    with pytest.raises(ValueError, match='Set num_classes=15 in decode_head'):
        check_config(config)


def test_models_asked_in_words_may_train_on_other_classes() -> None:
    leaf = 'aeroseg/aeroseg_tiny_1xb2-20_openearthmap-64x64.py'
    check_config(read_config(ROOT / 'configs' / leaf))


def test_wrapped_datasets_are_looked_into() -> None:
    config = closed_set()
    inner = config.train_dataloader.dataset
    inner.classes = 'seen'
    config.train_dataloader.dataset = {'type': 'RepeatDataset', 'times': 2}
    config.train_dataloader.dataset.dataset = inner
    with pytest.raises(ValueError, match=RIGHT):
        check_config(config)
