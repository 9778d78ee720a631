# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Weights of SAM 2's image encoder from an official checkpoint."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import timm
import torch
from mmengine.logging import print_log
from mmengine.model import update_init_info
from mmengine.registry import WEIGHT_INITIALIZERS
from timm.models.hieradet_sam2 import checkpoint_filter_fn
from torch import Tensor

from aeroseg.checkpoints.fit import check_fit
from aeroseg.checkpoints.read import read_weights

if TYPE_CHECKING:
    from .sam2 import SAM2Guidance

_TRUNK = 'image_encoder.trunk.'
_ADVICE = (
    'Official checkpoints are https://dl.fbaipublicfiles.com/'
    'segment_anything_2/072824/sam2_hiera_base_plus.pt (SAM 2) and '
    'https://dl.fbaipublicfiles.com/segment_anything_2/092824/'
    'sam2.1_hiera_base_plus.pt (SAM 2.1), with tiny, small and large next to '
    'them: download one and give its path as the checkpoint, or give the name '
    "'sam2_hiera_base_plus.fb_r896' or 'sam2_hiera_base_plus.fb_r896_2pt1' to "
    'have timm download its copy.'
)


@WEIGHT_INITIALIZERS.register_module()
class SAM2Pretrained:
    """Weight initialiser: load a SAM 2 checkpoint into a ``SAM2Guidance``.

    Understands the official layout (``image_encoder.trunk.``) and timm's;
    memory, prompts, decoder, the feature pyramid and the fourth stage are
    ignored.

    Args:
        checkpoint (str): A local file (.pt, .pth or .safetensors), or timm's
            name of official weights ('sam2_hiera_base_plus.fb_r896'), which
            timm downloads into its cache once.
    """

    def __init__(self, checkpoint: str) -> None:
        self.checkpoint = checkpoint

    def __call__(self, module: SAM2Guidance) -> None:
        """Load the weights.

        Args:
            module (SAM2Guidance): The encoder to fill.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If the file is no SAM 2 checkpoint, or one of another
                size.
        """
        hiera = module.encoder.model
        state = read_hiera(self.checkpoint)
        own = hiera.state_dict()
        check_fit(
            own,
            state,
            f'{self.checkpoint} does not fit the encoder {module.model!r}',
            f'Choose the model that the file was made for. {_ADVICE}',
            ignored=partial(_unused, len(hiera.blocks)),
        )
        hiera.load_state_dict({name: state[name] for name in own})
        print_log(f'SAM 2 weights loaded from {self.checkpoint}', 'current')
        if hasattr(module, '_params_init_info'):
            update_init_info(module, f'SAM2Pretrained: {self.checkpoint}')


def read_hiera(checkpoint: str) -> dict[str, Tensor]:
    """Read the encoder's tensors under timm's names.

    Args:
        checkpoint (str): As for :class:`SAM2Pretrained`.

    Returns:
        dict[str, Tensor]: Tensors of all stages.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it holds no SAM 2 image encoder.
    """
    if timm.is_model_pretrained(checkpoint):
        cache = torch.hub.get_dir()
        print_log(
            f'SAM 2 weights: timm downloads {checkpoint}, unless it is in the '
            f'cache of the Hugging Face hub or {cache}',
            'current',
        )
        model = timm.create_model(checkpoint, pretrained=True, num_classes=0)
        return model.state_dict()
    return to_timm(read_weights(checkpoint, _ADVICE), checkpoint)


def to_timm(state: dict[str, Tensor], source: str) -> dict[str, Tensor]:
    """Rename the tensors of an official checkpoint as timm does.

    Args:
        state (dict[str, Tensor]): Official or timm's own names.
        source (str): Where they come from, for the error.

    Returns:
        dict[str, Tensor]: The image encoder under timm's names.

    Raises:
        ValueError: If there is no SAM 2 image encoder.
    """
    official = any(key.startswith(_TRUNK) for key in state)
    hiera = checkpoint_filter_fn(state, prefix=_TRUNK if official else '')
    if 'pos_embed_window' not in hiera:
        raise ValueError(
            f'{source} holds no SAM 2 image encoder: there is no '
            f"'[{_TRUNK}]pos_embed_window' among its {len(state)} entries, "
            f'which begin with {sorted(state)[:3]}. {_ADVICE}'
        )
    return hiera


def _unused(blocks: int, name: str) -> bool:
    """Whether a tensor belongs to the fourth stage or to timm's head."""
    part, _, rest = name.partition('.')
    index = rest.partition('.')[0]
    last = part == 'blocks' and index.isdigit() and int(index) >= blocks
    return last or part == 'head'
