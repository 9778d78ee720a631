# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Tests of models/guidance/sam_pretrained.py."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from segment_anything.modeling import (
    ImageEncoderViT,
    MaskDecoder,
    PromptEncoder,
    Sam,
    TwoWayTransformer,
)
from torch import nn

from aeroseg.models.guidance import SAMGuidance

SMALL = {
    'embed_dim': 16,
    'depth': 3,
    'num_heads': 2,
    'img_size': 64,
    'out_chans': 8,
    'window_size': 3,
    'global_attn_indexes': (2,),
}


@pytest.fixture
def sam() -> Sam:
    """A whole SAM, with the key layout of the official checkpoints."""
    encoder = ImageEncoderViT(
        use_rel_pos=True, norm_layer=partial(nn.LayerNorm, eps=1e-6), **SMALL
    )
    prompt = PromptEncoder(8, (4, 4), (64, 64), mask_in_chans=4)
    decoder = MaskDecoder(
        transformer_dim=8,
        transformer=TwoWayTransformer(1, 8, num_heads=2, mlp_dim=8),
    )
    model = Sam(encoder, prompt, decoder)
    for parameter in model.parameters():
        nn.init.normal_(parameter)
    return model


def load(
    checkpoint: str | Path, arch: dict | str = SMALL, **kwargs: Any
) -> SAMGuidance:
    init_cfg = {'type': 'SAMPretrained', 'checkpoint': str(checkpoint)}
    encoder = SAMGuidance(arch, init_cfg=init_cfg, **kwargs)
    encoder.init_weights()
    return encoder


@pytest.mark.parametrize('suffix', ['.pth', '.safetensors'])
@pytest.mark.parametrize('prefix', [True, False])
def test_loads_official_layout(
    sam: Sam, tmp_path: Path, suffix: str, prefix: bool
) -> None:
    state = (sam if prefix else sam.image_encoder).state_dict()
    path = tmp_path / f'sam{suffix}'
    if suffix == '.pth':
        torch.save(state, path)
    else:
        save_file(state, path)
    encoder = load(path, last='neck')
    image = torch.rand(1, 3, 64, 64) * 255
    expected = sam.image_encoder((image - encoder.mean) / encoder.std)
    torch.testing.assert_close(
        encoder(image)[2], expected, rtol=1e-4, atol=1e-4
    )


def test_ignores_parts_that_no_output_needs(sam: Sam, tmp_path: Path) -> None:
    path = tmp_path / 'sam.pth'
    torch.save(sam.state_dict(), path)
    encoder = load(path, out_blocks=(1, 1, 2), last='block')
    for name, value in encoder.encoder.state_dict().items():
        assert torch.equal(value, sam.image_encoder.state_dict()[name])


def test_names_the_official_files_when_there_is_none(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as error:
        load(tmp_path / 'sam_vit_l_0b3195.pth')
    message = str(error.value)
    assert str(tmp_path / 'sam_vit_l_0b3195.pth') in message
    assert 'segment_anything/sam_vit_l_0b3195.pth' in message
    assert "'vit_l'" in message


def test_says_what_does_not_fit(sam: Sam, tmp_path: Path) -> None:
    path = tmp_path / 'sam.pth'
    torch.save(sam.state_dict(), path)
    wide = {**SMALL, 'embed_dim': 32}
    with pytest.raises(ValueError, match=r'is \(1, 4, 4, 16\), not') as error:
        load(path, wide)
    assert 'Choose the arch' in str(error.value)
    with pytest.raises(ValueError, match=r'blocks\.3\..* is missing'):
        load(path, {**SMALL, 'depth': 4})
    with pytest.raises(ValueError, match=r'blocks\.2\..* is unknown'):
        load(
            path, {**SMALL, 'depth': 2, 'global_attn_indexes': ()}, last='neck'
        )


def test_says_when_it_is_no_sam(tmp_path: Path) -> None:
    path = tmp_path / 'other.pth'
    torch.save({'conv.weight': torch.zeros(1)}, path)
    with pytest.raises(ValueError, match='holds no SAM image encoder'):
        load(path)


def test_official_name_downloads_the_official_file(
    monkeypatch: pytest.MonkeyPatch, sam: Sam, tmp_path: Path
) -> None:
    """Only a name asks for a download, of the official address."""
    asked = []

    def download(url: str, target: str, **_: Any) -> None:
        asked.append(url)
        torch.save(sam.state_dict(), target)

    monkeypatch.setenv('TORCH_HOME', str(tmp_path))
    monkeypatch.setattr(torch.hub, 'download_url_to_file', download)
    load('vit_b')
    load('vit_b')  # from the folder of torch.hub
    host = 'https://dl.fbaipublicfiles.com/segment_anything/'
    assert asked == [f'{host}sam_vit_b_01ec64.pth']
    assert (tmp_path / 'hub/checkpoints/sam_vit_b_01ec64.pth').is_file()


def test_a_download_without_network_is_explained(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv('TORCH_HOME', str(tmp_path))
    with pytest.raises(FileNotFoundError, match='could not be downloaded'):
        load('vit_b')
    assert not list(tmp_path.rglob('*.pth*'))


def test_refuses_code_in_a_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / 'evil.pth'
    torch.save({'patch_embed.proj.weight': print}, path)
    with pytest.raises(ValueError, match='more than weights'):
        load(path)
