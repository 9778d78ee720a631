# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Refuses a checkpoint whose sizes are not the model's."""

from collections.abc import MutableMapping
from typing import Any

from mmengine.logging import print_log
from torch import Tensor, nn

_HEAD = 'auxiliary_head.'


def check_fit(
    module: nn.Module,
    state_dict: MutableMapping[str, Tensor],
    prefix: str,
    *_: Any,
) -> None:
    """Compare names and shapes before anything is loaded.

    mmengine only warns of tensors that are missing or do not fit and goes on
    with random weights in their place; the scores are then wrong without an
    error.

    The weights of the auxiliary head belong to the training vocabulary. They
    are dropped, with a line in the log, where the model has no such head or
    one for other classes.

    Args:
        module (nn.Module): The segmentor.
        state_dict (MutableMapping): What is about to be loaded; changed in
            place.
        prefix (str): Of the segmentor's keys in it.

    Raises:
        ValueError: If another tensor is missing or has another shape.
    """
    own = {prefix + k: v.shape for k, v in module.state_dict().items()}
    head = [k for k in state_dict if k.startswith(prefix + _HEAD)]
    if any(state_dict[k].shape != own.get(k) for k in head):
        for key in head:
            del state_dict[key]
        print_log(
            'The back-projection head of the checkpoint belongs to other '
            'training classes; it is left out, which changes no prediction.',
            logger='current',
        )
    unlike = [
        f'{key}: {tuple(state_dict[key].shape)} in the checkpoint, '
        f'{tuple(shape)} in the model'
        for key, shape in own.items()
        if key in state_dict and state_dict[key].shape != shape
    ]
    unlike += [
        f'{key}: not in the checkpoint'
        for key in own
        if key not in state_dict and not key.startswith(prefix + _HEAD)
    ]
    if unlike:
        shown = '; '.join(unlike[:3])
        raise ValueError(
            f'the checkpoint was made by another model: {len(unlike)} tensors '
            f'do not fit ({shown}). Use the config it was trained with.'
        )
