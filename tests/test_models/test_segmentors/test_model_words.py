# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""mmseg's own inference functions with the configs of this project."""

import copy
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmseg.apis import (
    MMSegInferencer,
    inference_model,
    init_model,
    show_result_pyplot,
)
from mmseg.registry import MODELS

from aeroseg.datasets import OpenEarthMapDataset

TINY = 'aeroseg/aeroseg_tiny_1xb2-20_openearthmap-64x64.py'
SMALL = (
    TINY,
    'baselines/sed_tiny_1xb2-20_openearthmap-64x64.py',
    'demo/systems/san_world.py',
    'demo/training_free/sclip_world.py',
    'demo/closed_set/segformer-b0_world.py',
)
ALL = OpenEarthMapDataset.METAINFO['classes']
SEEN = OpenEarthMapDataset.METAINFO['seen_classes']
PICTURE = np.random.default_rng(0).integers(0, 255, (80, 80, 3), np.uint8)


@pytest.fixture(scope='module')
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Of a training with the four seen classes."""
    root = Path(__file__).resolve().parents[3]
    config = Config.fromfile(root / 'configs' / TINY)
    model = MODELS.build(config.model)
    meta = {'dataset_meta': model.dataset_meta}
    path = tmp_path_factory.mktemp('weights') / 'iter_4.pth'
    torch.save({'state_dict': model.state_dict(), 'meta': meta}, path)
    return str(path)


@pytest.fixture
def inferencer(root: Path, checkpoint: str) -> Callable[..., MMSegInferencer]:
    def build(**changes: object) -> MMSegInferencer:
        path = str(root / 'configs' / TINY)
        return MMSegInferencer(path, checkpoint, device='cpu', **changes)

    return build


@pytest.mark.parametrize('name', SMALL)
def test_init_model_builds_every_kind_of_config(
    root: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root)
    model = init_model(root / 'configs' / name, device='cpu')
    result = inference_model(model, PICTURE)
    assert result.pred_sem_seg.data.shape == (1, 80, 80)


def test_init_model_asks_for_all_classes_of_the_test_data(
    root: Path, checkpoint: str
) -> None:
    model = init_model(root / 'configs' / TINY, checkpoint, 'cpu')
    assert model.vocabulary.names == ALL
    result = inference_model(model, PICTURE)
    assert result.seg_logits.data.shape == (8, 80, 80)
    drawn = show_result_pyplot(model, PICTURE, result, show=False)
    assert drawn.shape == (80, 80, 3)


def test_a_training_free_model_comes_with_its_weights(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root)
    config = root / 'configs' / SMALL[3]
    model = init_model(config, device='cpu')
    expected = MODELS.build(Config.fromfile(config).model)
    expected.load_pretrained()
    # The world's file has the tokens of its own words only.
    for name, value in expected.backbone.state_dict().items():
        assert torch.equal(model.backbone.state_dict()[name], value), name


def test_pretrained_is_refused(tiny_config: Config) -> None:
    with pytest.raises(ValueError, match='weights are given to each part'):
        MODELS.build({**tiny_config.model, 'pretrained': 'clip.pth'})


def test_the_inferencer_asks_for_the_classes_given(
    inferencer: Callable[..., MMSegInferencer], tmp_path: Path
) -> None:
    built = inferencer(classes=['ship', 'sea', 'dock'])
    assert built.model.vocabulary.names == ('ship', 'sea', 'dock')
    found = built(PICTURE, return_vis=True, out_dir=str(tmp_path))
    assert set(np.unique(found['predictions'])) <= {0, 1, 2}
    assert built.visualizer.dataset_meta['classes'] == ('ship', 'sea', 'dock')
    assert list(tmp_path.glob('vis/*'))


def test_the_inferencer_asks_for_all_classes_by_default(
    inferencer: Callable[..., MMSegInferencer],
) -> None:
    built = inferencer()
    assert built.model.vocabulary.names == ALL
    assert built.model.vocabulary.seen_names == SEEN
    built(PICTURE, return_vis=True)
    assert built.model.vocabulary.names == ALL
    assert built.visualizer.dataset_meta['classes'] == ALL


def test_two_inferencers_do_not_share_their_words(
    inferencer: Callable[..., MMSegInferencer],
) -> None:
    first = inferencer(classes=['ship', 'sea'])
    second = inferencer(classes=['road', 'tree', 'sky'])
    first(PICTURE, return_vis=True)
    assert first.model.num_classes == 2
    assert second.model.num_classes == 3


def test_the_config_can_be_dumped_and_copied_after_use(
    root: Path, checkpoint: str, tmp_path: Path
) -> None:
    config = Config.fromfile(root / 'configs' / TINY)
    init_model(config, checkpoint, 'cpu')
    config.dump(tmp_path / 'dumped.py')
    dumped = Config.fromfile(tmp_path / 'dumped.py')
    assert dumped.visualizer.model is None
    assert copy.deepcopy(config).visualizer.model is None


def test_without_the_test_data_the_training_words_stay_with_a_warning(
    root: Path, checkpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = Config.fromfile(root / 'configs' / TINY)
    config.test_dataloader.dataset.classes = ['moon']
    lines: list[str] = []
    monkeypatch.setattr(
        'aeroseg.models.segmentors.model_words.print_log',
        lambda text, **_: lines.append(text),
    )
    model = init_model(config, checkpoint, 'cpu')
    assert model.vocabulary.names == SEEN
    assert 'has no class' in lines[0]


def test_another_visualizer_is_named(
    root: Path, checkpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines: list[str] = []
    monkeypatch.setattr(
        'aeroseg.models.segmentors.model_words.print_log',
        lambda text, **_: lines.append(text),
    )
    config = Config.fromfile(root / 'configs' / TINY)
    config.visualizer.type = 'SegLocalVisualizer'
    init_model(config, checkpoint, 'cpu')
    assert 'PanelVisualizer' in lines[0]
