# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""predict.py without a checkpoint.

Most tests take the small CLIP of the generated world in place of ViT-B/16.
"""

import argparse
import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import open_clip
import pytest
import rasterio
from safetensors.torch import save_file

from aeroseg.apis import Predictor, training_free
from aeroseg.apis.command import add_arguments, run
from aeroseg.read_config import read_config


def call(*arguments: object) -> int:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    texts = [str(a) for a in ('--device', 'cpu', *arguments)]
    return run(parser.parse_args(texts))


@pytest.fixture
def clip_file(root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Weights of the world's CLIP, which becomes the packaged model."""
    config = root / 'configs/demo/training_free/segearth-ov_world.py'
    backbone = read_config(config).model.backbone
    monkeypatch.setattr(training_free, 'MODEL', backbone.model.to_dict())
    return Path(backbone.init_cfg.checkpoint)


def test_a_scene_is_mapped_and_the_model_named(
    clip_file: Path,
    pixels: np.ndarray,
    write_scene: Callable[..., Path],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    scene, out = write_scene(pixels), tmp_path / 'out'
    words = ('--classes', 'road, street; tree; water', '--threshold', 0.01)
    with caplog.at_level(logging.WARNING):
        status = call(scene, '--clip', clip_file, '--out', out, *words)
    assert status == 0
    assert 'SegEarth-OV, which needs no training' in caplog.text
    assert 'a trained model does better' in caplog.text
    assert 'weights are random' not in caplog.text
    with rasterio.open(out / 'labels.tif') as data:
        assert data.shape == pixels.shape[:2]
        assert data.tags(1)['CLASS_0'] == 'road'
    assert str(clip_file) in caplog.text


@pytest.mark.slow
def test_the_weights_of_a_full_size_file_are_used(tmp_path: Path) -> None:
    path = tmp_path / 'vit-b-16.safetensors'
    save_file(open_clip.create_model(training_free.MODEL).state_dict(), path)
    config = training_free.training_free_config(str(path))
    predictor = Predictor(config, device='cpu')
    model = open_clip.create_model(training_free.MODEL, pretrained=str(path))
    visual = predictor.model.backbone.visual
    assert (visual.proj == model.visual.proj).all()
    text = predictor.model.text_encoder.text
    assert (text.text_projection == model.text_projection).all()
    assert (predictor.tiling.window, predictor.tiling.overlap) == (224, 112)


def test_another_clip_file_is_another_job(
    clip_file: Path, tmp_path: Path
) -> None:
    copy = tmp_path / 'clip.safetensors'
    copy.write_bytes(clip_file.read_bytes())
    predictor = Predictor(
        training_free.training_free_config(str(copy)), device='cpu'
    )
    before = predictor.identity
    with copy.open('r+b') as file:
        file.seek(-4, 2)
        file.write(b'1234')
    del predictor.identity
    assert predictor.identity != before


def test_without_a_network_one_sentence_names_clip(tmp_path: Path) -> None:
    words = ('--explain', '--classes', 'road; tree')
    for given in ((), ('--clip', tmp_path / 'none.pt')):
        with pytest.raises(FileNotFoundError, match='by --clip FILE') as info:
            call(*words, *given)
        assert '\n' not in str(info.value)


def test_arguments_that_do_not_go_together(
    clip_file: Path, tiny_files: dict[str, Path]
) -> None:
    words = ('--explain', '--classes', 'road; tree')
    with pytest.raises(ValueError, match='needs training'):
        call(*words, '--config', tiny_files['config'])
    both = ('--checkpoint', tiny_files['checkpoint'], '--clip', clip_file)
    with pytest.raises(ValueError, match='leave it out'):
        call(*words, *both)


def test_a_config_of_a_training_free_model(
    root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = root / 'configs/demo/training_free/sclip_world.py'
    with caplog.at_level(logging.WARNING):
        assert call('--explain', '--classes', 'red roof; grass field',
                    '--config', config) == 0  # fmt: skip
    assert 'red roof / grass field' in caplog.text
