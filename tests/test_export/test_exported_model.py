# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Exported models: agreement with the original, as folders, bad input."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmseg.registry import MODELS

from aeroseg.apis import Predictor
from aeroseg.checkpoints.model_card import Facts
from aeroseg.export import (
    ImagePart,
    export_image_part,
    exported_config,
    quantise,
    write_exported_model,
)
from aeroseg.models import AerOSeg
from aeroseg.vocabulary import Vocabulary

pytest.importorskip('onnxruntime')

WORDS = 'road; tree, forest; a; b; c'
SAM2 = {
    'embed_dim': 8,
    'stages': (1, 2, 2, 1),
    'num_heads': 1,
    'global_att_blocks': (4,),
}
GUIDANCE = {
    'sam': {},
    'sam2': {'type': 'SAM2Guidance', 'model': SAM2},
    'clip': {'type': 'CLIPGuidance'},
}


def build(config: Config, kind: str) -> AerOSeg:
    """A model with that guidance, in which everything has an effect."""
    settings = config.model.copy()
    settings.pop('auxiliary_head')
    settings.vocabulary = {'names': ('road', 'tree')}
    if kind == 'clip':
        settings.backbone.out_indices = (0, 1)
    if kind != 'sam':
        settings.guidance_encoder = GUIDANCE[kind]
    torch.manual_seed(1)
    model = MODELS.build(settings).eval()
    for parameter in model.parameters():
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.1)
    return model


def write(model: AerOSeg, config: Config, folder: Path) -> Path:
    words = Vocabulary.parse('road; tree')
    facts = Facts('exported')
    write_exported_model(model, config, words, folder, facts, 96)
    return folder


def logits(model: Any, images: torch.Tensor, words: str) -> torch.Tensor:
    model.set_vocabulary(Vocabulary.parse(words))
    with torch.no_grad():
        return model.forward_maps(images)


@pytest.fixture(scope='module')
def exported(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[AerOSeg, Config, Path]:
    """A model of 96 px (windows with padding and shift) and its export."""
    root = Path(__file__).resolve().parents[2]
    config = Config.fromfile(root / 'configs/_base_/models/aeroseg_tiny.py')
    # An export takes as long as there are operations, half a minute here.
    config.model.neck.num_layers = 1
    config.model.backbone.model.vision_cfg.layers = 1
    config.model.guidance_encoder.out_blocks = (1, 1, 2)
    config.model.guidance_encoder.arch.update(
        depth=2, global_attn_indexes=(1,)
    )
    model = build(config, 'sam')
    folder = tmp_path_factory.mktemp('exported') / 'model'
    return model, config, write(model, config, folder)


@pytest.mark.parametrize('classes', [1, 2, 15, 150])
@pytest.mark.parametrize('batch', [1, 3])
def test_onnxruntime_computes_what_torch_computes(
    exported: tuple[AerOSeg, Config, Path], batch: int, classes: int
) -> None:
    model, _, folder = exported
    engine = Predictor.from_pretrained(folder, device='cpu').model
    images = 255 * torch.rand(batch, 3, 96, 96)
    words = '; '.join(f'word {i}' for i in range(classes))
    expected = logits(model, images, words)
    found = logits(engine, images, words)
    assert expected.std() > 1e-3
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize('kind', ['sam2', 'clip'])
def test_other_guidance(
    tiny_config: Config, tmp_path: Path, kind: str
) -> None:
    model = build(tiny_config, kind)
    engine = Predictor.from_pretrained(
        write(model, tiny_config, tmp_path / 'model'), device='cpu'
    ).model
    images = 255 * torch.rand(2, 3, 96, 96)
    expected = logits(model, images, WORDS)
    found = logits(engine, images, WORDS)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.slow
def test_the_program_of_torch_export_is_as_open(
    exported: tuple[AerOSeg, Config, Path], tmp_path: Path
) -> None:
    model = exported[0]
    images = 255 * torch.rand(1, 3, 160, 160)
    before = logits(model, images, WORDS)
    torch.export.save(export_image_part(model, 160), tmp_path / 'image.pt2')
    assert torch.equal(logits(model, images, WORDS), before)
    program = torch.export.load(tmp_path / 'image.pt2').module()
    part = ImagePart(model)
    width = model.text_encoder.num_prompts, model.text_encoder.embed_dims
    for batch, classes in ((1, 2), (3, 150)):
        images = 255 * torch.rand(batch, 3, 160, 160)
        text = torch.randn(classes, *width)
        with torch.no_grad():
            expected, found = part(images, text), program(images, text)
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_a_scene_of_any_size_and_other_words(
    exported: tuple[AerOSeg, Config, Path],
) -> None:
    model, _, folder = exported
    predictor = Predictor.from_pretrained(folder, device='cpu')
    assert predictor.trained == Vocabulary.parse('road; tree')
    assert predictor.tiling.window == 96
    image = np.random.default_rng(0).integers(0, 256, (200, 130, 3), np.uint8)
    found = predictor.predict(image, WORDS, scores=True)
    plain = Predictor.__new__(Predictor)
    plain.__dict__ = {**predictor.__dict__, 'model': model}
    expected = plain.predict(image, WORDS, scores=True)
    np.testing.assert_allclose(found.scores, expected.scores, atol=1e-5)
    small = predictor.predict(image[:50, :40], WORDS)  # less than a window
    assert small.labels.shape == (50, 40)


def test_int8_is_smaller_and_near(
    exported: tuple[AerOSeg, Config, Path], tmp_path: Path
) -> None:
    model, _, folder = exported
    small = shutil.copytree(folder, tmp_path / 'model')
    quantise(folder / 'image.onnx', small / 'image.onnx')
    size = {f: (f / 'image.onnx').stat().st_size for f in (folder, small)}
    assert size[small] < 0.8 * size[folder]
    images = 255 * torch.rand(1, 3, 96, 96)
    expected = logits(model, images, WORDS)
    engine = Predictor.from_pretrained(small, device='cpu').model
    found = logits(engine, images, WORDS)
    assert not torch.equal(found, expected)
    # Random weights: trained ones lose nothing, docs/notes/export.md.
    assert (found - expected).abs().mean() < 0.5 * expected.std()


def test_other_bytes_of_the_image_part_are_another_model(
    exported: tuple[AerOSeg, Config, Path], tmp_path: Path
) -> None:
    folder = shutil.copytree(exported[2], tmp_path / 'model')
    first = Predictor.from_pretrained(folder, device='cpu').identity
    with (folder / 'image.onnx').open('ab') as file:
        file.write(b' ')
    second = Predictor.from_pretrained(folder, device='cpu').identity
    assert first != second


def test_a_file_outside_the_folder_is_never_opened(
    exported: tuple[AerOSeg, Config, Path], tmp_path: Path
) -> None:
    folder = shutil.copytree(exported[2], tmp_path / 'model')
    settings = json.loads((folder / 'config.json').read_text())
    settings['model']['image_part'] = '../other/image.onnx'
    (folder / 'config.json').write_text(json.dumps(settings))
    model = Predictor.from_pretrained(folder, device='cpu').model
    assert model.image_part == folder / 'image.onnx'


def damage(folder: Path) -> None:
    (folder / 'image.onnx').write_bytes(b'\x08\x0a no model')


def remove(folder: Path) -> None:
    (folder / 'image.onnx').unlink()


@pytest.mark.parametrize(
    ('spoil', 'error', 'sentence'),
    [
        (damage, ValueError, 'image.onnx is damaged, or no ONNX file'),
        (remove, FileNotFoundError, 'there is no .*image.onnx'),
    ],
)
def test_a_spoilt_folder(
    exported: tuple[AerOSeg, Config, Path],
    tmp_path: Path,
    spoil: Callable[[Path], None],
    error: type[Exception],
    sentence: str,
) -> None:
    folder = shutil.copytree(exported[2], tmp_path / 'model')
    spoil(folder)
    model = Predictor.from_pretrained(folder, device='cpu').model
    with pytest.raises(error, match=sentence):
        logits(model, torch.zeros(1, 3, 96, 96), WORDS)


def test_an_image_that_is_too_large(
    exported: tuple[AerOSeg, Config, Path],
) -> None:
    model = Predictor.from_pretrained(exported[2], device='cpu').model
    with pytest.raises(ValueError, match=r'at most 96 x 96 pixels.*slide'):
        logits(model, torch.zeros(1, 3, 192, 96), WORDS)


def test_the_rule_of_best_classes_is_not_lost_in_silence(
    exported: tuple[AerOSeg, Config, Path], tmp_path: Path
) -> None:
    _, config, folder = exported
    changed = config.copy()
    changed.model.best_classes = 4
    settings = exported_config(changed, 96).model
    assert settings.max_classes == 4
    settings.image_part = str(folder / 'image.onnx')
    with pytest.raises(ValueError, match=r'5 classes .* at most 4'):
        logits(MODELS.build(settings), torch.zeros(1, 3, 96, 96), WORDS)


def test_what_cannot_be_exported(
    exported: tuple[AerOSeg, Config, Path], tmp_path: Path
) -> None:
    model, config, _ = exported
    with pytest.raises(
        ValueError, match=r'side 100 .* stride of the model, 16'
    ):
        export_image_part(model, 100)
    with pytest.raises(ValueError, match='Linear cannot be exported; AerOSeg'):
        export_image_part(torch.nn.Linear(1, 1), 96)
    (tmp_path / 'mine').mkdir()
    (tmp_path / 'mine' / 'notes.txt').write_text('keep')
    with pytest.raises(ValueError, match='not an empty folder'):
        write(model, config, tmp_path / 'mine')
    assert [p.name for p in (tmp_path / 'mine').iterdir()] == ['notes.txt']


def test_an_exported_model_is_not_trained(
    exported: tuple[AerOSeg, Config, Path],
) -> None:
    model = Predictor.from_pretrained(exported[2], device='cpu').model
    with pytest.raises(ValueError, match='cannot be trained'):
        model.loss(torch.zeros(1, 3, 96, 96), [])
