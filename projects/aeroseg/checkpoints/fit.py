# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The one rule for weights that do not fit a model."""

from collections.abc import Callable, Mapping, MutableMapping
from typing import Any

from mmengine.logging import print_log
from torch import Tensor, nn

AUXILIARY_HEAD = 'auxiliary_head.'
CHOOSE_CONFIG = 'Use the config that the checkpoint was trained with.'
_SHOWN = 3  # faults named in an error; the rest is counted


def check_fit(
    own: Mapping[str, Tensor],
    state: MutableMapping[str, Tensor],
    what: str,
    advice: str,
    ignored: Callable[[str], bool] = lambda name: False,
    training_part: str | None = None,
) -> None:
    """Compare names and shapes before anything is loaded.

    Args:
        own (Mapping[str, Tensor]): The tensors to fill.
        state (MutableMapping[str, Tensor]): The tensors of the checkpoint.
        what (str): What should fit what, such as 'sam.pth does not fit the
            encoder'; begins the error.
        advice (str): How to fix it; ends the error.
        ignored (Callable): Whether a name that the model does not have may be
            in the checkpoint. Default: none may.
        training_part (str, optional): Prefix of a part that only training
            needs, and that belongs to the training vocabulary. It may be
            missing. Where the checkpoint's does not fit, it is removed from
            `state`, with a line in the log.

    Raises:
        ValueError: If a tensor is missing, unknown or of another shape.
    """
    optional = training_part or ()
    if training_part:
        _drop_misfit(own, state, training_part)
    faults = [
        f'{name} is missing'
        for name in own
        if name not in state and not name.startswith(optional)
    ]
    for name, value in state.items():
        if name in own and own[name].shape != value.shape:
            got, want = tuple(value.shape), tuple(own[name].shape)
            faults.append(f'{name} is {got}, not {want}')
        elif name not in own and not ignored(name):
            faults.append(f'{name} is unknown')
    if faults:
        more = len(faults) - _SHOWN
        rest = f' and {more} more' if more > 0 else ''
        shown = '; '.join(faults[:_SHOWN])
        raise ValueError(f'{what}: {shown}{rest}. {advice}')


def check_segmentor(
    module: nn.Module,
    state_dict: MutableMapping[str, Tensor],
    prefix: str,
    *_: Any,
) -> None:
    """Refuse a misfit; a pre-hook of ``load_state_dict``, with the module.

    mmengine only warns of tensors that are missing or do not fit and keeps
    random weights in their place; the scores are then wrong without an error.
    Names that the model does not have are left to it.

    Args:
        module (nn.Module): The segmentor.
        state_dict (MutableMapping): What is about to be loaded. A
            back-projection head for other classes is removed from it.
        prefix (str): Of the segmentor's keys in it.

    Raises:
        ValueError: If a tensor is missing or has another shape.
    """
    check_fit(
        {prefix + name: value for name, value in module.state_dict().items()},
        state_dict,
        'the checkpoint does not fit the model',
        CHOOSE_CONFIG,
        ignored=lambda name: True,
        training_part=prefix + AUXILIARY_HEAD,
    )


def _drop_misfit(
    own: Mapping[str, Tensor], state: MutableMapping[str, Tensor], prefix: str
) -> None:
    """Remove a part that has another shape, or no place, in the model."""
    part = [name for name in state if name.startswith(prefix)]
    if all(n in own and own[n].shape == state[n].shape for n in part):
        return
    for name in part:
        del state[name]
    print_log(
        f'{prefix.rstrip(".")} of the checkpoint belongs to other training '
        'classes, or the model has none; it is left out, which changes no '
        'prediction.',
        logger='current',
    )
