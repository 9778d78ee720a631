# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import open_clip
import pytest
import torch
from mmengine.config import Config
from safetensors.torch import load_file

from aeroseg.models.backbones import RotatedCLIP
from aeroseg.models.guidance import SAMGuidance
from aeroseg.models.text_encoders import OpenCLIPTextEncoder


@pytest.fixture(scope='module')
def tool() -> Iterator[ModuleType]:
    path = Path(__file__).parents[2] / 'studies/pretrain_world.py'
    spec = importlib.util.spec_from_file_location('pretrain_world', path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # its worker processes look there
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


@pytest.fixture(scope='module')
def config(tool: ModuleType) -> Config:
    return Config.fromfile(tool.MODELS / 'world_model.py')


@pytest.fixture(scope='module')
def weights(
    tool: ModuleType, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    folder = tmp_path_factory.mktemp('weights')
    line = 'x all --scenes 6 --batch 2 --clip-iters 2 --sam-iters 2 --out'
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, 'argv', [*line.split(), str(folder)])
        tool.main()
    return folder


def test_what_it_writes_is_what_the_model_and_open_clip_read(
    weights: Path, config: Config
) -> None:
    path = weights / 'world_clip.safetensors'
    model = config.clip_model.to_dict()
    init = dict(type='CLIPPretrained', checkpoint=str(path))
    text = OpenCLIPTextEncoder(model, templates=['a {}'], init_cfg=init)
    text.init_weights()
    image = RotatedCLIP(model, init_cfg=init)
    image.init_weights()

    state = {k: v.float() for k, v in load_file(path).items()}
    whole = open_clip.CLIP(
        model['embed_dim'],
        open_clip.CLIPVisionCfg(**model['vision_cfg']),
        open_clip.CLIPTextCfg(**model['text_cfg']),
    )
    ids = state.pop('token_embedding.ids').long()
    state['token_embedding.weight'] = torch.zeros(49408, 128)
    state['token_embedding.weight'][ids] = state.pop('token_embedding.rows')
    whole.load_state_dict(state)
    tokens = open_clip.SimpleTokenizer(context_length=32)(['a round pool'])
    with torch.no_grad():
        expected = whole.encode_text(tokens, normalize=True)
        found = text.eval()((('round pool',),))[0]
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


def test_the_encoder_fits_its_config(weights: Path, config: Config) -> None:
    settings = config.model.guidance_encoder.to_dict()
    settings.pop('type')
    settings['init_cfg']['checkpoint'] = str(weights / 'world_sam.safetensors')
    encoder = SAMGuidance(**settings)
    encoder.init_weights()
    sizes = [tuple(f.shape) for f in encoder(torch.zeros(1, 3, 256, 256))]
    assert sizes == [(1, 128, 16, 16), (1, 128, 16, 16), (1, 64, 16, 16)]


def test_the_committed_weights_are_small(tool: ModuleType) -> None:
    files = list((tool.MODELS.parent / 'weights').glob('*.safetensors'))
    assert {f.stem for f in files} == {
        'world_clip',
        'world_convnext',
        'world_sam',
    }
    assert sum(f.stat().st_size for f in files) < 12e6


def test_regions_are_connected_and_nameless(tool: ModuleType) -> None:
    label = np.zeros((16, 16), np.uint8)
    label[:4, :4] = label[8:12, 8:12] = 7
    number = tool.regions(label, 16)
    assert len(np.unique(number)) == 3
    assert number[0, 0] != number[9, 9]
    label[label == 7] = 3  # another name, the same regions
    np.testing.assert_array_equal(tool.regions(label, 16), number)


def test_the_region_loss_rewards_the_right_regions(tool: ModuleType) -> None:
    number = torch.zeros(1, 8, 8, dtype=torch.long)
    number[:, :, 4:] = 1
    right = torch.stack([number == 0, number == 1], dim=1).float()
    edge = torch.full((1, 8, 8), -9.0)
    edge[:, :, 4] = 9.0
    good = tool.region_loss((right, edge), number)
    torch.manual_seed(0)
    noise = torch.nn.functional.normalize(torch.randn(1, 2, 8, 8), dim=1)
    assert good < 0.01
    assert tool.region_loss((noise, -edge), number) > 1
