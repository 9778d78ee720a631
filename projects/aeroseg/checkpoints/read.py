# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Checkpoints are read as tensors and plain values, never as code."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.logging import HistoryBuffer
from mmengine.runner import CheckpointLoader
from safetensors.torch import load_file

# mmengine keeps its log buffers in a checkpoint; these are all they need. The
# functions that make numpy values anew have moved between numpy 1 and 2.
_ALLOWED = [
    HistoryBuffer,
    getattr,
    slice,
    np.ndarray,
    np.dtype,
    np.array(0).__reduce__()[0],
    np.float64(0).__reduce__()[0],
    *(type(np.dtype(kind)) for kind in ('f8', 'f4', 'i8', 'i4', 'u4', '?')),
]


def load_checkpoint_file(
    filename: str | Path, map_location: Any = 'cpu'
) -> dict[str, Any]:
    """Read a checkpoint of mmengine or a .safetensors file.

    Args:
        filename (str | Path): Local file.
        map_location (Any): Device for the tensors, as ``torch.load`` takes it.

    Returns:
        dict[str, Any]: The content; 'state_dict' and, in a checkpoint of
        mmengine, 'meta' and more.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not a checkpoint, cut off, or holds objects that
            would have to be unpickled.
    """
    path = Path(filename).expanduser()
    if not path.is_file():
        raise FileNotFoundError(
            f'no checkpoint {path}; tools/train.py writes iter_N.pth and '
            'last_checkpoint into the work dir'
        )
    if path.suffix == '.safetensors':
        return {'state_dict': load_file(path)}
    try:
        with torch.serialization.safe_globals(_ALLOWED):
            return torch.load(path, map_location, weights_only=True)
    except pickle.UnpicklingError as error:
        if 'Unsupported' not in str(error):
            raise ValueError(
                f'{path} is no checkpoint ({_first_line(error)})'
            ) from error
        raise ValueError(
            f'{path} holds more than weights and is not unpickled, since '
            f'that could run any code ({_first_line(error)}). If you trust '
            "it, save its state dict by itself: torch.save({'state_dict': "
            "checkpoint['state_dict']}, path)"
        ) from error
    except Exception as error:  # torch raises all kinds of errors
        raise ValueError(
            f'{path} is no checkpoint, or cut off ({_first_line(error)}); '
            'copy or train it again'
        ) from error


def _first_line(error: Exception) -> str:
    return str(error).partition('\n')[0]


CheckpointLoader.register_scheme(
    prefixes='', loader=load_checkpoint_file, force=True
)
