# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Weights of SAM's image encoder from an official checkpoint."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlparse

import torch
from mmengine.logging import print_log
from mmengine.model import update_init_info
from mmengine.registry import WEIGHT_INITIALIZERS
from torch import Tensor

from aeroseg.checkpoints.fit import check_fit
from aeroseg.checkpoints.read import read_weights

if TYPE_CHECKING:
    from .sam import SAMGuidance

_HOST = 'https://dl.fbaipublicfiles.com/segment_anything/'
OFFICIAL = {
    'vit_b': f'{_HOST}sam_vit_b_01ec64.pth',
    'vit_l': f'{_HOST}sam_vit_l_0b3195.pth',
    'vit_h': f'{_HOST}sam_vit_h_4b8939.pth',
}
_PREFIX = 'image_encoder.'


@WEIGHT_INITIALIZERS.register_module()
class SAMPretrained:
    """Weight initialiser: load a SAM checkpoint into a ``SAMGuidance``.

    Keys with and without the prefix ``image_encoder.`` are understood; the
    prompt encoder and the mask decoder of a whole SAM are ignored, and so are
    blocks and the neck where the encoder does not use them.

    Args:
        checkpoint (str): A local file (.pth, .pt or .safetensors), or the
            name of an official checkpoint ('vit_b', 'vit_l', 'vit_h') or an
            http(s) address, which are downloaded once, into the folder of
            ``torch.hub`` ($TORCH_HOME/hub/checkpoints).
    """

    def __init__(self, checkpoint: str) -> None:
        self.checkpoint = checkpoint

    def __call__(self, module: SAMGuidance) -> None:
        """Load the weights.

        Args:
            module (SAMGuidance): The encoder to fill.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If the file is no SAM checkpoint, or one of another
                size.
        """
        state = read_encoder(self.checkpoint)
        load_encoder(module, state, self.checkpoint)
        print_log(f'SAM weights loaded from {self.checkpoint}', 'current')
        if hasattr(module, '_params_init_info'):
            update_init_info(module, f'SAMPretrained: {self.checkpoint}')


def read_encoder(checkpoint: str) -> dict[str, Tensor]:
    """Read the image encoder's tensors out of a checkpoint.

    Args:
        checkpoint (str): As for :class:`SAMPretrained`.

    Returns:
        dict[str, Tensor]: Tensors under the names of ``ImageEncoderViT``.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it holds no SAM image encoder.
    """
    state = read_weights(_file(checkpoint), _where())
    if any(key.startswith(_PREFIX) for key in state):
        state = {
            key.removeprefix(_PREFIX): value
            for key, value in state.items()
            if key.startswith(_PREFIX)
        }
    if 'patch_embed.proj.weight' not in state:
        raise ValueError(
            f'{checkpoint} holds no SAM image encoder: there is no '
            f"'[{_PREFIX}]patch_embed.proj.weight' among its {len(state)} "
            f'entries, which begin with {sorted(state)[:3]}. {_where()}'
        )
    return state


def load_encoder(
    module: SAMGuidance, state: dict[str, Tensor], source: str
) -> None:
    """Fill the encoder, and refuse what does not fit.

    Args:
        module (SAMGuidance): The encoder to fill.
        state (dict[str, Tensor]): Names and tensors of ``ImageEncoderViT``.
        source (str): Where they come from, for the error.

    Raises:
        ValueError: If a tensor is missing, unknown or of another shape.
    """
    own = module.encoder.state_dict()
    check_fit(
        own,
        state,
        f'{source} does not fit the encoder, SAM '
        f'{module.arch or "of its own size"}',
        f'Choose the arch that the file was made for. {_where()}',
        ignored=partial(_unused, module),
    )
    module.encoder.load_state_dict({name: state[name] for name in own})


def _unused(module: SAMGuidance, name: str) -> bool:
    """Whether a parameter belongs to a part that no output needs."""
    part, _, rest = name.partition('.')
    if part == 'neck':
        return module.last == 'block'
    index = rest.partition('.')[0]
    if part != 'blocks' or not index.isdigit():
        return False
    return module.out_blocks[-1] <= int(index) < module.depth


def _file(checkpoint: str) -> str | Path:
    """The local file of a checkpoint, after a download if need be."""
    url = OFFICIAL.get(checkpoint, checkpoint)
    if not url.startswith(('http://', 'https://')):
        return checkpoint
    path = Path(
        torch.hub.get_dir(), 'checkpoints', Path(urlparse(url).path).name
    )
    if not path.is_file():
        print_log(f'SAM weights: {url} is downloaded to {path}', 'current')
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            torch.hub.download_url_to_file(url, str(path), progress=False)
        except OSError as error:
            raise FileNotFoundError(
                f'the SAM weights {url} could not be downloaded ({error}). '
                f'Download them elsewhere. {_where()}'
            ) from error
    return path


def _where() -> str:
    """Where the official files are and what to do with them."""
    names = ', '.join(f"'{name}'" for name in OFFICIAL)
    return (
        f'Official checkpoints are {", ".join(OFFICIAL.values())}: download '
        'one and give its path as the checkpoint, or give the name '
        f'{names} to have it downloaded.'
    )
