# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""An exported model as a folder, which predicts and is tested like any."""

import tempfile
from pathlib import Path
from typing import Any

from mmengine.config import Config

from aeroseg.checkpoints.model_card import Facts
from aeroseg.checkpoints.model_folder import (
    IMAGE_PART,
    check_free,
    write_model_folder,
)
from aeroseg.vocabulary import Vocabulary

from .image_part import export_image_part
from .onnx_file import quantise, write_onnx

_KEPT = ('text_encoder', 'vocabulary', 'test_cfg', 'data_preprocessor')


def write_exported_model(
    model: Any,
    config: Config,
    vocabulary: Vocabulary | None,
    folder: Path,
    facts: Facts,
    side: int,
    int8: bool = False,
) -> None:
    """Export a model into a new folder, whole or not at all.

    The folder is a model folder (:mod:`aeroseg.checkpoints.model_folder`)
    with the image part as ONNX and the text encoder as weights, so that any
    words can be asked for. ``Predictor.from_pretrained`` opens it.

    Args:
        model (nn.Module): A model on the CPU, in evaluation mode.
        config (Config): Its config.
        vocabulary (Vocabulary | None): The classes of the training.
        folder (Path): Folder to make; it must be new or empty.
        facts (Facts): For the model card.
        side (int): Side of the images that the file takes, px.
        int8 (bool): Quantise the matrix products.

    Raises:
        ValueError: If the folder holds files, the model cannot be exported,
            the side does not fit it, or onnx is not installed.
    """
    check_free(folder)
    program = export_image_part(model, side)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(
        prefix=f'.{folder.name}.', dir=folder.parent
    ) as temporary:
        plain, small = Path(temporary) / 'plain', Path(temporary) / 'int8'
        plain.mkdir()
        small.mkdir()
        write_onnx(program, plain / IMAGE_PART)
        if int8:
            quantise(plain / IMAGE_PART, small / IMAGE_PART)
        weights = {
            name: value
            for name, value in model.state_dict().items()
            if name.startswith('text_encoder.')
        }
        write_model_folder(
            weights,
            exported_config(config, side),
            vocabulary,
            folder,
            facts,
            image_part=small if int8 else plain,
        )


def exported_config(config: Config, side: int) -> Config:
    """The config of a model whose image part is an ONNX file.

    Args:
        config (Config): Of the model that was exported.
        side (int): Side of the images that the file takes, px.

    Returns:
        Config: With the keys `model`, `predictor` and `default_scope`; the
        windows of a scene have that side.
    """
    model = {
        'type': 'ExportedSegmentor',
        'image_part': IMAGE_PART,
        'side': side,
        'max_classes': config.model.get('best_classes', 0),
        **{key: config.model[key] for key in _KEPT if key in config.model},
    }
    predictor = dict(config.get('predictor', {}))
    if predictor.get('window') != side:
        predictor.update(window=side, overlap=None)
    settings = {'model': model, 'predictor': predictor}
    if 'default_scope' in config:
        settings['default_scope'] = config.default_scope
    return Config(settings)
