# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Reading a checkpoint, and saying what in it does not fit."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

_SHOWN = 3  # faults named in an error; the rest is counted


def read_tensors(checkpoint: str | Path, advice: str) -> dict[str, Tensor]:
    """Read all tensors of a local file, on the CPU, without running code.

    Args:
        checkpoint (str | Path): .safetensors, or a file of torch; a dict
            'model' or 'state_dict' in it is opened.
        advice (str): Where to get a good file; ends every error.

    Returns:
        dict[str, Tensor]: Tensors by name.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is cut off or holds more than weights.
    """
    path = Path(checkpoint)
    if not path.is_file():
        raise FileNotFoundError(
            f'There is no checkpoint {path.absolute()}. {advice}'
        )
    try:
        if path.suffix == '.safetensors':
            return load_file(path)
        state = torch.load(path, 'cpu', weights_only=True)
    except pickle.UnpicklingError as error:
        raise ValueError(
            f'{path} holds more than weights and is not unpickled, since that '
            f'could run any code: {error}. {advice}'
        ) from error
    except (RuntimeError, EOFError, SafetensorError) as error:
        raise ValueError(
            f'{path} cannot be read; it may be cut off: {error}. {advice}'
        ) from error
    for key in ('model', 'state_dict'):
        if isinstance(state.get(key), Mapping):
            state = state[key]
    return {k: v for k, v in state.items() if isinstance(v, Tensor)}


def check_fit(
    own: Mapping[str, Tensor],
    state: Mapping[str, Tensor],
    passed_over: Callable[[str], bool],
    message: str,
    advice: str,
) -> None:
    """Complain of whatever does not fit.

    Args:
        own (Mapping[str, Tensor]): The tensors to be filled.
        state (Mapping[str, Tensor]): The tensors of the checkpoint.
        passed_over (Callable): Whether a name that is not among the own may
            be passed over.
        message (str): What does not fit what; begins the error.
        advice (str): How to mend it; ends the error.

    Raises:
        ValueError: If a tensor is missing, left over or of another shape.
    """
    faults = [f'{name} is missing' for name in own if name not in state]
    for name, value in state.items():
        if name in own and own[name].shape != value.shape:
            got, want = tuple(value.shape), tuple(own[name].shape)
            faults.append(f'{name} is {got}, not {want}')
        elif name not in own and not passed_over(name):
            faults.append(f'{name} is unknown')
    if faults:
        more = len(faults) - _SHOWN
        rest = f' and {more} more' if more > 0 else ''
        shown = '; '.join(faults[:_SHOWN])
        raise ValueError(f'{message}: {shown}{rest}. {advice}')
