# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""A model from a config and a checkpoint, ready to predict."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.model import revert_sync_batchnorm
from mmseg.registry import MODELS
from torch import nn

from aeroseg.checkpoints.fit import AUXILIARY_HEAD, CHOOSE_CONFIG, check_fit
from aeroseg.checkpoints.read import (
    existing_file,
    read_checkpoint,
    weights_of,
)
from aeroseg.engine.run import building
from aeroseg.vocabulary import Vocabulary


def find_config(checkpoint: str | Path) -> Path:
    """The config that training left next to a checkpoint.

    Args:
        checkpoint (str | Path): The checkpoint.

    Raises:
        FileNotFoundError: If there is no such checkpoint.
        ValueError: If there is not exactly one `.py` file next to it.
    """
    folder = existing_file(checkpoint).resolve().parent
    found = sorted(folder.glob('*.py'))
    if len(found) != 1:
        raise ValueError(
            f'there are {len(found)} config files next to {checkpoint}; '
            'name the one it was trained with: --config FILE'
        )
    return found[0]


def build_model(config: Config) -> nn.Module:
    """Build the model of a config in evaluation mode, with random weights.

    The auxiliary head is left out: only training needs it.

    Args:
        config (Config): The whole config.

    Raises:
        ValueError: If a type is unknown or an argument is wrong.
    """
    settings = config.model.copy()
    settings.pop('auxiliary_head', None)
    with building(config):
        model = MODELS.build(settings)
    return revert_sync_batchnorm(model).eval()


def load_weights(
    model: Any, checkpoint: str | Path | None
) -> Vocabulary | None:
    """Load a checkpoint that must fit.

    Args:
        model (nn.Module): The model.
        checkpoint (str | Path | None): A checkpoint of training, or
            .safetensors. None loads what a training-free model names itself.

    Returns:
        Vocabulary | None: The training classes, if the checkpoint names them.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it cannot be read or belongs to another model.
    """
    if checkpoint is None:
        model.load_pretrained()
        return None
    content = read_checkpoint(checkpoint)
    # The model is built without the head that only training needs.
    weights = {
        name: value
        for name, value in weights_of(content).items()
        if not name.startswith(AUXILIARY_HEAD)
    }
    check_fit(
        model.state_dict(),
        weights,
        f'{checkpoint} does not fit the config',
        CHOOSE_CONFIG,
    )
    model.load_state_dict(weights, strict=False)
    meta = content.get('meta', {}).get('dataset_meta') or {}
    return Vocabulary.from_metainfo(meta) if meta.get('classes') else None


def model_identity(config: Config, checkpoint: str | Path | None) -> str:
    """A hash of the model's settings and of the bytes of its weights.

    Args:
        config (Config): The whole config.
        checkpoint (str | Path | None): The weights. None takes the files that
            the settings name, as training-free models do.
    """
    digest = hashlib.sha256(repr(config.model).encode())
    if checkpoint is None:
        files = _named_files(config.model)
    else:
        files = [Path(checkpoint)]
    if 'image_part' in config.model:  # of an exported model
        files.append(Path(config.model.image_part))
    for path in files:
        with path.open('rb') as file:
            while block := file.read(2**22):
                digest.update(block)
    return digest.hexdigest()


def _named_files(settings: Mapping[str, Any]) -> list[Path]:
    """Weight files that the parts of a model are initialised from."""
    found = set()
    for key, value in settings.items():
        if isinstance(value, Mapping):
            found.update(_named_files(value))
        elif key == 'checkpoint' and Path(str(value)).is_file():
            found.add(Path(value))
    return sorted(found)
