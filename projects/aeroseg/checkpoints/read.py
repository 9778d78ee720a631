# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The one reader of weight files: tensors and plain values, never code."""

import pickle
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.logging import HistoryBuffer
from mmengine.runner import CheckpointLoader
from safetensors.torch import load_file
from torch import Tensor

from aeroseg.errors import is_out_of_memory

# mmengine keeps its log buffers in a checkpoint; these are all they need. The
# functions that rebuild numpy values have moved between numpy 1 and 2.
_ALLOWED = [
    HistoryBuffer,
    getattr,
    slice,
    np.ndarray,
    np.dtype,
    np.array(0).__reduce__()[0],
    np.float64(0).__reduce__()[0],
    *(type(np.dtype(kind)) for kind in ('f8', 'f4', 'f2', 'i8', 'i4', 'u4')),
    type(np.dtype(bool)),
]
# Masks of attention are added to scores, -inf where nothing may be seen.
_MASKS = ('attn_mask', 'causal_mask')
_TRAINED = (
    'tools/train.py writes iter_N.pth and last_checkpoint into the work dir.'
)


def existing_file(path: str | Path, advice: str = _TRAINED) -> Path:
    """The path of a checkpoint that is there.

    Args:
        path (str | Path): Local file; '~' is the home folder.
        advice (str): Where to get a good file; ends the error.

    Raises:
        FileNotFoundError: If there is no such file.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise FileNotFoundError(
            f'there is no checkpoint {path.absolute()}. {advice}'
        )
    return path


def read_checkpoint(
    path: str | Path, map_location: Any = 'cpu', advice: str = _TRAINED
) -> dict[str, Any]:
    """Read a weight file of any kind, without running Python code from it.

    Args:
        path (str | Path): Local file: .safetensors; a file of ``torch.save``
            (mmengine, open_clip, detectron2, SAM), also in the format before
            torch 1.6; or a TorchScript archive, as OpenAI published CLIP.
        map_location (Any): Device of the tensors, as ``torch.load`` takes it.
            A .safetensors file is always read to the CPU.
        advice (str): Where to get a good file; ends every error.

    Returns:
        dict[str, Any]: The content. A .safetensors file and a TorchScript
        archive give 'state_dict'; a checkpoint of mmengine also has 'meta'
        and more.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not a checkpoint, is cut off or damaged, holds
            objects that would have to be unpickled, or weights that are not
            finite.
    """
    path = existing_file(path, advice)
    _check_archive(path, advice)
    try:
        content = _read(path, map_location)
    except Exception as error:  # torch raises all kinds of errors
        if is_out_of_memory(error):
            raise
        raise ValueError(f'{path} {_fault(error)}. {advice}') from error
    if not isinstance(content, Mapping):
        raise ValueError(
            f'{path} is not a checkpoint: it holds a '
            f'{type(content).__name__}, not tensors by name. {advice}'
        )
    weights = weights_of(content)
    if not weights:
        raise ValueError(
            f'{path} is not a checkpoint: there are no tensors among its '
            f'entries {sorted(map(str, content))[:5]}. {advice}'
        )
    _check_finite(weights, path, advice)
    return dict(content)


def read_weights(
    path: str | Path, advice: str = _TRAINED
) -> dict[str, Tensor]:
    """Read the tensors of a weight file, on the CPU.

    Args:
        path (str | Path): As for :func:`read_checkpoint`.
        advice (str): Where to get a good file; ends every error.

    Returns:
        dict[str, Tensor]: See :func:`weights_of`.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not a checkpoint, is cut off, or holds objects
            that would have to be unpickled.
    """
    return weights_of(read_checkpoint(path, advice=advice))


def weights_of(content: Mapping[str, Any]) -> dict[str, Tensor]:
    """The tensors in the content of a checkpoint.

    Args:
        content (Mapping[str, Any]): As :func:`read_checkpoint` returns it.
            A dict 'state_dict' or 'model' in it is opened.

    Returns:
        dict[str, Tensor]: Tensors by name, without the prefix 'module.' of
        distributed training; numpy arrays, as detectron2 saves them, become
        tensors. Other values are left out.
    """
    for key in ('state_dict', 'model'):
        if isinstance(content.get(key), Mapping):
            content = content[key]
            break
    return {
        name.removeprefix('module.'): torch.as_tensor(value)
        for name, value in content.items()
        if isinstance(value, (Tensor, np.ndarray))
    }


@CheckpointLoader.register_scheme(prefixes='', force=True)
def load_from_file(filename: str, map_location: Any = None) -> dict[str, Any]:
    """Local files of mmengine's runner; its log quotes this name's end."""
    return read_checkpoint(filename, map_location)


def _read(path: Path, map_location: Any) -> Any:
    if path.suffix == '.safetensors':
        return {'state_dict': load_file(path)}
    if _is_torchscript(path):
        archive = torch.jit.load(path, map_location)
        return {'state_dict': archive.state_dict()}
    with torch.serialization.safe_globals(_ALLOWED):
        return torch.load(path, map_location, weights_only=True)


def _check_archive(path: Path, advice: str) -> None:
    """Compare the checksums of an archive, which torch.load does not do."""
    if not zipfile.is_zipfile(path):
        return
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
    except (zipfile.BadZipFile, NotImplementedError, EOFError) as error:
        damaged = str(error)
    if damaged is not None:
        raise ValueError(
            f'{path} is damaged: the checksum of its part {damaged!r} is '
            f'wrong; copy or download it again. {advice}'
        )


def _check_finite(
    weights: Mapping[str, Tensor], path: Path, advice: str
) -> None:
    """Refuse weights that would make every score meaningless."""
    for name, value in weights.items():
        if not value.is_floating_point() or name.endswith(_MASKS):
            continue
        # A sum takes one pass and no memory; a large one may overflow.
        total = value.sum(dtype=torch.float32)
        if not total.isfinite() and not value.isfinite().all():
            raise ValueError(
                f'{path} holds numbers that are not finite (nan or inf), in '
                f'{name!r}: the training diverged, or the file is damaged. '
                f'Use an earlier checkpoint. {advice}'
            )


def _is_torchscript(path: Path) -> bool:
    """Whether a file is an archive of torch.jit, by torch's own rule."""
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
    return any(name.endswith('/constants.pkl') for name in names)


def _fault(error: Exception) -> str:
    """What is wrong with a file that gave this error when it was read."""
    text = str(error)
    if isinstance(error, pickle.UnpicklingError) and 'operand' not in text:
        found = re.search(r"(?:GLOBAL |class ')([\w.]+)", text)
        return (
            f'holds more than weights{f" ({found[1]})" if found else ""} and '
            'is not unpickled, since that could run any code. If you trust '
            "it, save its state dict alone: torch.save({'state_dict': "
            "checkpoint['state_dict']}, path)"
        )
    why = text.partition('\n')[0] or type(error).__name__
    return (
        f'is not a checkpoint, or is cut off ({why}): copy, download or train '
        'it again'
    )
