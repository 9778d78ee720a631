# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""CLIP checkpoints in the exact layouts that people have."""

from pathlib import Path

import open_clip
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from aeroseg.models import ConvNeXtCLIP, OpenCLIPTextEncoder, RotatedCLIP
from aeroseg.models.layers.clip_pretrained import find_checkpoint, read_clip

CLIP = {
    'embed_dim': 64,
    'vision_cfg': {
        'image_size': 32,
        'patch_size': 16,
        'width': 64,
        'layers': 2,
        'head_width': 64,
    },
    'text_cfg': {'width': 64, 'heads': 1, 'layers': 2},
}


@pytest.fixture
def clip() -> open_clip.CLIP:
    return open_clip.CLIP(**CLIP)


def load(path: Path) -> tuple[RotatedCLIP, OpenCLIPTextEncoder]:
    init = {'type': 'CLIPPretrained', 'checkpoint': str(path)}
    towers = (
        RotatedCLIP(CLIP, stride=16, init_cfg=init),
        OpenCLIPTextEncoder(CLIP, init_cfg=init),
    )
    for tower in towers:
        tower.init_weights()
    return towers


def check(path: Path, clip: open_clip.CLIP, tolerance: float = 0) -> None:
    image, text = load(path)
    expected = clip.visual.transformer.resblocks[0].attn.in_proj_weight
    attention = image.visual.transformer.resblocks[0].attn
    fused = [getattr(attention, f'{n}_proj_weight') for n in 'qkv']
    close = {'rtol': 0, 'atol': tolerance}
    torch.testing.assert_close(torch.cat(fused), expected, **close)
    torch.testing.assert_close(
        text.text.text_projection, clip.text_projection, **close
    )
    torch.testing.assert_close(
        text.text.token_embedding.weight, clip.token_embedding.weight, **close
    )


def test_open_clip_files(tmp_path: Path, clip: open_clip.CLIP) -> None:
    save_file(clip.state_dict(), tmp_path / 'clip.safetensors')
    check(tmp_path / 'clip.safetensors', clip)
    torch.save(clip.state_dict(), tmp_path / 'clip.pt')
    check(tmp_path / 'clip.pt', clip)


def test_training_checkpoint_of_open_clip(
    tmp_path: Path, clip: open_clip.CLIP
) -> None:
    """As SkyCLIP and GeoRSCLIP were saved: wrapped, with 'module.'."""
    state = {f'module.{k}': v for k, v in clip.state_dict().items()}
    content = {'epoch': 3, 'name': 'run', 'state_dict': state}
    torch.save(content, tmp_path / 'clip.pt')
    check(tmp_path / 'clip.pt', clip)


class OpenAI(nn.Module):
    """What matters of OpenAI's archives: TorchScript, half precision."""

    def __init__(self, state: dict[str, Tensor]) -> None:
        super().__init__()
        for name, value in state.items():
            part: nn.Module = self
            *path, last = name.split('.')
            for step in path:
                if step not in dict(part.named_children()):
                    part.add_module(step, nn.Module())
                part = part.get_submodule(step)
            part.register_buffer(last, value)

    def forward(self, x: Tensor) -> Tensor:
        return x


def test_torchscript_archive_of_openai(
    tmp_path: Path, clip: open_clip.CLIP
) -> None:
    extra = {'input_resolution': 32, 'context_length': 77, 'vocab_size': 49408}
    state = {k: torch.tensor(v) for k, v in extra.items()}
    state |= {k: v.half() for k, v in clip.state_dict().items()}
    torch.jit.script(OpenAI(state)).save(tmp_path / 'ViT-B-16.pt')
    check(tmp_path / 'ViT-B-16.pt', clip, tolerance=2e-3)


def test_rows_of_some_tokens(tmp_path: Path, clip: open_clip.CLIP) -> None:
    state = clip.state_dict()
    table = state.pop('token_embedding.weight')
    ids = torch.tensor([3, 17, 49407])
    state['token_embedding.ids'] = ids
    state['token_embedding.rows'] = table[ids].clone()
    save_file(state, tmp_path / 'clip.safetensors')
    _, text = load(tmp_path / 'clip.safetensors')
    assert torch.equal(text.text.token_embedding.weight[ids], table[ids])


def test_missing_file_says_where_to_get_one() -> None:
    with pytest.raises(FileNotFoundError, match=r'ViT-B-16\.pt'):
        find_checkpoint('none.pt', CLIP)
    with pytest.raises(FileNotFoundError, match=r"knows .*'openai'"):
        find_checkpoint('opneai', 'ViT-B-16-quickgelu')


def test_a_download_without_network_is_explained() -> None:
    with pytest.raises(FileNotFoundError, match='could not be downloaded'):
        find_checkpoint('openai', 'ViT-B-16-quickgelu')


def test_another_model_is_refused(tmp_path: Path) -> None:
    other = open_clip.CLIP(
        **{**CLIP, 'vision_cfg': {**CLIP['vision_cfg'], 'layers': 3}}
    )
    save_file(other.state_dict(), tmp_path / 'clip.safetensors')
    with pytest.raises(ValueError, match=r'resblocks\.2.* is unknown'):
        load(tmp_path / 'clip.safetensors')
    save_file({'x': torch.zeros(1)}, tmp_path / 'x.safetensors')
    with pytest.raises(ValueError, match='is missing'):
        load(tmp_path / 'x.safetensors')


CONVNEXT = {
    'embed_dim': 64,
    'vision_cfg': {
        'timm_model_name': 'test_convnext',
        'timm_pool': '',
        'timm_proj': 'linear',
    },
    'text_cfg': CLIP['text_cfg'],
}


def test_a_convnext_of_open_clip(tmp_path: Path) -> None:
    clip = open_clip.CLIP(**CONVNEXT)
    path = tmp_path / 'clip.safetensors'
    save_file(clip.state_dict(), path)
    init = {'type': 'CLIPPretrained', 'checkpoint': str(path)}
    tower = ConvNeXtCLIP(CONVNEXT, init_cfg=init)
    tower.init_weights()
    own, expected = tower.visual.state_dict(), clip.visual.state_dict()
    assert own.keys() == expected.keys()
    assert all(torch.equal(own[key], expected[key]) for key in own)


def test_another_kind_of_tower_is_named(
    tmp_path: Path, clip: open_clip.CLIP
) -> None:
    path = tmp_path / 'clip.safetensors'
    init = {'type': 'CLIPPretrained', 'checkpoint': str(path)}
    save_file(clip.state_dict(), path)
    with pytest.raises(ValueError, match=r'is a ViT, but .* needs a ConvNeXt'):
        ConvNeXtCLIP(CONVNEXT, init_cfg=init).init_weights()
    save_file(open_clip.CLIP(**CONVNEXT).state_dict(), path)
    with pytest.raises(ValueError, match=r'is a ConvNeXt, but .* needs a ViT'):
        RotatedCLIP(CLIP, stride=16, init_cfg=init).init_weights()


def test_a_cut_off_file(tmp_path: Path, clip: open_clip.CLIP) -> None:
    path = tmp_path / 'clip.pt'
    torch.save(clip.state_dict(), path)
    path.write_bytes(path.read_bytes()[: 10**5])
    with pytest.raises(ValueError, match='cut off'):
        read_clip(path)


def test_objects_are_never_unpickled(tmp_path: Path) -> None:
    torch.save({'state_dict': {}, 'code': Path()}, tmp_path / 'clip.pt')
    with pytest.raises(ValueError, match='more than weights'):
        read_clip(tmp_path / 'clip.pt')
