# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""A folder that holds a trained model whole, to be shared.

It has `model.safetensors` (weights), `config.json` (the model and how it is
used), `vocabulary.json` (the classes of the training) and `README.md` (the
model card). An exported model also has `image.onnx`, its image part. Nothing
in the folder is executed or unpickled when it is opened.
"""

import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from mmengine.config import Config
from safetensors.torch import save_file
from torch import Tensor

from aeroseg.files import atomic_path
from aeroseg.vocabulary import Vocabulary

from .fit import AUXILIARY_HEAD
from .model_card import Facts, write_card

WEIGHTS = 'model.safetensors'
CONFIG = 'config.json'
VOCABULARY = 'vocabulary.json'
CARD = 'README.md'
IMAGE_PART = 'image.onnx'
_BIG = f'{IMAGE_PART}.data'  # weights of an ONNX file above 2 GB
_FILES = (WEIGHTS, CONFIG, VOCABULARY, CARD, IMAGE_PART, _BIG)
_KEPT = ('model', 'predictor', 'accelerate', 'default_scope')


class ModelFolder(NamedTuple):
    """An opened folder.

    Attributes:
        config (Config): With the keys `model` and `predictor`.
        weights (Path): The .safetensors file.
        vocabulary (Vocabulary | None): The classes of the training; None if
            they are not known.
    """

    config: Config
    weights: Path
    vocabulary: Vocabulary | None


def write_model_folder(
    weights: Mapping[str, Tensor],
    config: Config,
    vocabulary: Vocabulary | None,
    folder: str | Path,
    facts: Facts,
    replace: bool = False,
    image_part: Path | None = None,
) -> Path:
    """Write a trained model as a folder, whole or not at all.

    Args:
        weights (Mapping[str, Tensor]): Of the model; those of an auxiliary
            head are left out.
        config (Config): The config of the training.
        vocabulary (Vocabulary | None): The classes of the training.
        folder (str | Path): Folder to make; it must be new or empty.
        facts (Facts): What the model card says besides.
        replace (bool): The folder may also hold an earlier model, and
            nothing else, which is then replaced.
        image_part (Path | None): A folder with `image.onnx`, which is moved
            into the model's, for models that have one.

    Returns:
        Path: The folder.

    Raises:
        ValueError: If the folder holds files, or the config holds values that
            JSON cannot.
    """
    folder = Path(folder)
    check_free(folder, replace)
    kept = {
        name: value.contiguous().clone()
        for name, value in weights.items()
        if not name.startswith(AUXILIARY_HEAD)
    }
    settings = _settings(config)
    if facts.gsd is not None:
        settings.setdefault('predictor', {})['gsd'] = facts.gsd
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(
        prefix=f'.{folder.name}.', dir=folder.parent
    ) as temporary:
        part = Path(temporary) / 'model'
        part.mkdir()
        save_file(kept, part / WEIGHTS, {'format': 'pt'})
        _write_json(part / CONFIG, settings)
        if vocabulary is not None:
            _write_json(part / VOCABULARY, vocabulary.to_dict())
        write_card(part / CARD, settings, vocabulary, facts)
        if image_part is not None:
            for name in (IMAGE_PART, _BIG):
                if (image_part / name).is_file():
                    shutil.move(image_part / name, part / name)
        if folder.exists():
            folder.rename(Path(temporary) / 'earlier')
        part.rename(folder)
    return folder


def check_free(folder: str | Path, replace: bool = False) -> None:
    """Check that a model may be written into a folder.

    Args:
        folder (str | Path): It may be missing.
        replace (bool): It may hold an earlier model, and nothing else.

    Raises:
        ValueError: If it holds other files.
    """
    folder = Path(folder)
    own = set(_FILES) if replace else set()
    if folder.exists() and (
        not folder.is_dir() or {path.name for path in folder.iterdir()} - own
    ):
        raise ValueError(
            f'{folder} exists and is not an empty folder; give the name of a '
            'new one'
        )


def open_model_folder(name: str | Path) -> ModelFolder:
    """Open a folder that :func:`write_model_folder` wrote.

    Args:
        name (str | Path): The folder, or 'user/model' of the Hugging Face
            hub, which is downloaded into its cache once. A folder of that
            name goes first.

    Raises:
        FileNotFoundError: If there is neither, or the download fails.
        ValueError: If a file of the folder is missing or damaged.
    """
    folder = Path(name)
    if not folder.is_dir():
        folder = _download(str(name))
    for required in (WEIGHTS, CONFIG):
        if not (folder / required).is_file():
            raise ValueError(
                f'{folder} is no model folder: there is no {required} in it. '
                '`aeroseg pack CHECKPOINT DIR` makes one'
            )
    settings = _read_json(folder / CONFIG)
    if not isinstance(settings.get('model'), dict):
        raise ValueError(
            f"{folder / CONFIG} has no 'model'; it is not the config of a "
            'model folder, or is damaged'
        )
    vocabulary = None
    if (folder / VOCABULARY).is_file():
        words = _read_json(folder / VOCABULARY)
        try:
            vocabulary = Vocabulary.from_dict(words)
        except (KeyError, TypeError) as error:
            raise ValueError(
                f'{folder / VOCABULARY} is damaged: {error!r}'
            ) from error
    kept = {key: settings[key] for key in _KEPT if key in settings}
    if 'image_part' in kept['model']:
        kept['model']['image_part'] = str(folder / IMAGE_PART)
    return ModelFolder(Config(kept), folder / WEIGHTS, vocabulary)


def _download(name: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    try:
        return Path(snapshot_download(name, allow_patterns=list(_FILES)))
    except (HfHubHTTPError, HFValidationError, OSError) as error:
        raise FileNotFoundError(
            f'there is no model folder {name}, and it could not be '
            f'downloaded from the Hugging Face hub under that name: '
            f'{str(error).partition(chr(10))[0]}'
        ) from error


def _settings(config: Config) -> dict[str, Any]:
    """What of a config is needed to use the model, without weight files."""
    whole = config.to_dict()
    settings = {key: whole[key] for key in _KEPT if key in whole}
    settings['model'].pop('auxiliary_head', None)
    return _without_weights(settings)


def _without_weights(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {
            key: _without_weights(inner)
            for key, inner in value.items()
            if key != 'init_cfg'
        }
    if isinstance(value, list | tuple):
        return [_without_weights(inner) for inner in value]
    return value


def _write_json(path: Path, content: Any) -> None:
    def refuse(value: object) -> str:
        raise ValueError(
            f'the config holds {value!r}, which JSON cannot; name it as text'
        )

    text = json.dumps(content, indent=1, ensure_ascii=False, default=refuse)
    with atomic_path(path) as part:
        part.write_text(text + '\n', encoding='utf-8')


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding='utf-8'))
    except ValueError as error:
        raise ValueError(f'{path} is no JSON file: {error}') from error
    if not isinstance(content, dict):
        raise ValueError(f'{path} holds no JSON object; it is damaged')
    return content
