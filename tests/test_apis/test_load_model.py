# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from aeroseg.apis.load_model import (
    build_model,
    find_config,
    load_weights,
    model_identity,
)
from aeroseg.read_config import read_config

Files = dict[str, Path]


def test_training_checkpoint_fits_without_the_auxiliary_head(
    tiny_files: Files,
) -> None:
    model = build_model(read_config(tiny_files['config']))
    assert not model.with_auxiliary_head
    assert not model.training
    vocabulary = load_weights(model, tiny_files['checkpoint'])
    assert vocabulary is not None
    assert vocabulary.names == ('road', 'tree', 'water')
    saved = torch.load(tiny_files['checkpoint'], weights_only=True)
    for name, value in model.state_dict().items():
        assert torch.equal(value, saved['state_dict'][name])


def test_safetensors_and_names_of_distributed_training_load(
    tiny_files: Files, tmp_path: Path
) -> None:
    model = build_model(read_config(tiny_files['config']))
    values = {f'module.{k}': v for k, v in model.state_dict().items()}
    save_file(values, tmp_path / 'a.safetensors')
    assert load_weights(model, tmp_path / 'a.safetensors') is None


def test_checkpoint_of_another_model_is_refused(
    tiny_files: Files, tmp_path: Path
) -> None:
    config = read_config(tiny_files['config'])
    model = build_model(config)
    weights = model.state_dict()
    torch.save({'state_dict': dict(list(weights.items())[5:])}, tmp_path / 'a')
    missing = r'does not fit the config: .* is missing;.* and 2 more\. Use'
    with pytest.raises(ValueError, match=missing):
        load_weights(model, tmp_path / 'a')
    torch.save(
        {'state_dict': {**weights, 'x.y': torch.ones(1)}}, tmp_path / 'b'
    )
    with pytest.raises(ValueError, match=r'config: x\.y is unknown\.'):
        load_weights(model, tmp_path / 'b')
    config.model.neck.embed_dims = 48
    with pytest.raises(ValueError, match=r'is \(.*\), not \('):
        load_weights(build_model(config), tiny_files['checkpoint'])


def test_config_next_to_the_checkpoint_is_found(
    tiny_files: Files, tmp_path: Path
) -> None:
    assert find_config(tiny_files['checkpoint']) == tiny_files['config']
    checkpoint = shutil.copy(tiny_files['checkpoint'], tmp_path)
    with pytest.raises(ValueError, match=r'0 config files.*--config'):
        find_config(checkpoint)
    with pytest.raises(FileNotFoundError, match='no checkpoint'):
        find_config(tmp_path / 'missing.pth')


def test_identity_knows_settings_and_weights(
    tiny_files: Files, tmp_path: Path
) -> None:
    config, checkpoint = read_config(tiny_files['config']), tmp_path / 'c.pth'
    shutil.copy(tiny_files['checkpoint'], checkpoint)
    first = model_identity(config, tiny_files['checkpoint'])
    assert model_identity(config, checkpoint) == first
    checkpoint.write_bytes(checkpoint.read_bytes() + b'x')
    assert model_identity(config, checkpoint) != first
    config.model.neck.num_heads = 4
    assert model_identity(config, tiny_files['checkpoint']) != first
    assert model_identity(config, None) != first
