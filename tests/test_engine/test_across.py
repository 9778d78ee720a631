# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""One model on several datasets, in one process."""

from pathlib import Path

import pytest
import torch
from data.make_cross import make_cross
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS

from aeroseg.datasets.cross import load_protocol
from aeroseg.datasets.cross.prepare import convert
from aeroseg.engine.across import (
    CrossTest,
    apply_protocol,
    datasets_of,
    run_across,
    trained_words,
)
from aeroseg.evaluation.cross_table import read_cross_score

TINY = 'configs/aeroseg/aeroseg_tiny_1xb2-20_openearthmap-64x64.py'
SED = 'configs/baselines/sed_tiny_1xb2-20_openearthmap-64x64.py'
FREE = 'configs/demo/training_free/segearth-ov_world.py'
CLOSED = 'configs/demo/closed_set/segformer-b0_world.py'


@pytest.fixture
def data(tmp_path: Path) -> list[CrossTest]:
    tests = []
    for name in ('udd5', 'vdd'):
        source = make_cross(tmp_path / 'in' / name, name)
        convert(name, source, tmp_path / name)
        tests.append(CrossTest(name, str(tmp_path / name)))
    return tests


def config_of(root: Path, path: str, work_dir: Path) -> Config:
    init_default_scope('mmseg')
    config = Config.fromfile(root / path)
    config.work_dir = str(work_dir)
    config.launcher = 'none'
    return config


@pytest.mark.parametrize('path', [TINY, SED])
def test_every_open_vocabulary_model_has_a_row_per_set(
    root: Path,
    tmp_path: Path,
    data: list[CrossTest],
    path: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(root)
    config = config_of(root, path, tmp_path / 'work')
    model = MODELS.build(config.model)
    checkpoint = tmp_path / 'iter_1.pth'
    words = {'names': ('bareland', 'road', 'buildings')}
    torch.save(
        {'state_dict': model.state_dict(), 'meta': {'vocabulary': words}},
        checkpoint,
    )
    config.load_from = str(checkpoint)
    protocol = load_protocol('own')
    apply_protocol(config, protocol)
    trained = trained_words(config, str(checkpoint))
    assert trained == ['bareland', 'road', 'buildings']
    datasets = datasets_of(config, protocol, data, trained)
    files = list(run_across(config, datasets, tmp_path / 'out'))
    first, second = map(read_cross_score, files)
    assert files[0].name == 'cross_own_udd5_iter_1.json'
    assert first.classes[1:3] == ('building', 'road')
    assert first.in_training == ('building', 'road')
    assert second.in_training == ('road',)
    assert first.trained_on == 'OpenEarthMap (seen classes)'
    assert not first.is_training_set
    # Each set was asked for in its own words, by a model that was built once.
    names = [c['name'] for c in second.record['classes']]
    assert names == list(second.classes)
    assert len(names) == 7
    protocol_of = second.record['protocol']
    assert protocol_of['cross']['splits'] == ['test', 'val']
    assert protocol_of['run']['checkpoint'] == str(checkpoint)


def test_a_protocol_sets_words_size_and_windows(
    root: Path,
    tmp_path: Path,
    data: list[CrossTest],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(root)
    config = config_of(root, FREE, tmp_path / 'work')
    protocol = load_protocol('segearth-ov')
    apply_protocol(config, protocol)
    pipeline = config.test_dataloader.dataset.pipeline
    assert [step.type for step in pipeline] == [
        'LoadImageFromFile', 'Resize', 'LoadLabels', 'PackSegInputs'
    ]  # fmt: skip
    assert pipeline[1].scale == (448, 448)
    assert trained_words(config, None) == []
    datasets = datasets_of(config, protocol, data, [])
    file = list(run_across(config, datasets, tmp_path / 'out'))[1]
    record = read_cross_score(file).record['protocol']
    assert record['model']['test_cfg']['mode'] == 'slide'
    assert record['model']['test_cfg']['crop_size'] == [224, 224]
    assert record['cross']['threshold'] == 0.3
    assert record['cross']['words'][1] == ['facade']
    assert record['cross']['trained_on'] == 'none'
    assert 'scale=(448, 448)' in record['dataset']['pipeline'][1]


def test_a_resize_of_the_config_is_replaced(
    root: Path, tmp_path: Path
) -> None:
    config = config_of(root, TINY, tmp_path)
    apply_protocol(config, load_protocol('ovrsisbench-v1'))
    pipeline = config.test_dataloader.dataset.pipeline
    assert [s.type for s in pipeline if 'Resize' in s.type] == [
        'ResizeShortestEdge'
    ]
    assert config.model.test_cfg == {'mode': 'whole'}


def test_a_closed_set_model_is_refused(root: Path, tmp_path: Path) -> None:
    config = config_of(root, CLOSED, tmp_path)
    with pytest.raises(ValueError, match='has its classes built in'):
        apply_protocol(config, load_protocol('own'))


def test_a_checkpoint_without_words_is_not_called_zero_shot(
    root: Path, tmp_path: Path
) -> None:
    config = config_of(root, TINY, tmp_path)
    torch.save({'state_dict': {'w': torch.zeros(1)}}, tmp_path / 'a.pth')
    assert trained_words(config, str(tmp_path / 'a.pth')) is None
    classes = {'dataset_meta': {'classes': ('sea',)}}
    torch.save(
        {'state_dict': {'w': torch.zeros(1)}, 'meta': classes},
        tmp_path / 'b.pth',
    )
    assert trained_words(config, str(tmp_path / 'b.pth')) == ['sea']
