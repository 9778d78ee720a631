# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Weights of a CLIP tower from an OpenAI, open_clip or RS checkpoint."""

from collections.abc import Mapping
from pathlib import Path

import open_clip
from mmengine.logging import print_log
from mmengine.model import update_init_info
from mmengine.registry import WEIGHT_INITIALIZERS
from torch import Tensor, nn

from aeroseg.checkpoints.fit import check_fit
from aeroseg.checkpoints.published_keys import split_attention_weights
from aeroseg.checkpoints.read import read_weights

_TEXT = (
    'token_embedding.',
    'positional_embedding',
    'transformer.',
    'ln_final.',
    'text_projection',
)
# A tensor by which the kind of an image tower is known.
_FAMILIES = {
    'class_embedding': 'ViT',
    'trunk.stem.0.weight': 'ConvNeXt',
    'attnpool.positional_embedding': 'ResNet',
}
_WHERE = (
    "Give the path of a file (OpenAI's ViT-B-16.pt, an open_clip .pt or "
    '.safetensors, RS5M_ViT-L-14.pt of GeoRSCLIP from huggingface.co/Zilun/'
    'GeoRSCLIP, SkyCLIP_ViT_L14_top30pct.pt from github.com/wangzhecheng/'
    'SkyScript), or a tag that open_clip downloads for the model.'
)


@WEIGHT_INITIALIZERS.register_module()
class CLIPPretrained:
    """Weight initialiser: load a CLIP checkpoint into one of its towers.

    Works on a module with a tower named ``visual`` or ``text`` and the name
    or config of its model in ``model``. Tensors of the other tower are
    ignored. A text tower may hold the rows of some tokens only, as
    ``token_embedding.ids`` (N,) and ``token_embedding.rows`` (N, W).

    Args:
        checkpoint (str): A local file, or a tag of open_clip ('openai',
            'laion2b_s34b_b88k') for the module's model, which open_clip
            downloads into its cache once.
    """

    def __init__(self, checkpoint: str) -> None:
        self.checkpoint = checkpoint

    def __call__(self, module: nn.Module) -> None:
        """Load the weights.

        Raises:
            FileNotFoundError: If there is no such file or tag.
            ValueError: If the file holds no such tower, or one of another
                kind or of other sizes.
        """
        path = find_checkpoint(self.checkpoint, module.model)
        state = read_clip(path)
        name = 'visual' if hasattr(module, 'visual') else 'text'
        tower = getattr(module, name)
        chosen = select_tower(state, name)
        _check_family(tower.state_dict(), chosen, path)
        load_tower(tower, chosen, f'{path} ({name} tower)')
        print_log(f'CLIP {name} weights loaded from {path}', 'current')
        if hasattr(module, '_params_init_info'):
            update_init_info(module, f'CLIPPretrained: {path}')


def find_checkpoint(checkpoint: str, model: object) -> Path:
    """The file behind a path or an open_clip tag.

    Raises:
        FileNotFoundError: If it is neither.
    """
    path = Path(checkpoint)
    if path.is_file():
        return path
    tags = (
        open_clip.list_pretrained_tags_by_model(model)
        if isinstance(model, str)
        else []
    )
    if checkpoint not in tags:
        raise FileNotFoundError(
            f'no CLIP checkpoint {checkpoint!r}: there is no such file below '
            f'{Path.cwd()}, and open_clip knows no such tag for {model!r} '
            f'(it knows {tags}). {_WHERE}'
        )
    print_log(f'open_clip downloads {model} {checkpoint}', 'current')
    config = open_clip.get_pretrained_cfg(model, checkpoint)
    try:
        return Path(open_clip.download_pretrained(config))
    except (OSError, RuntimeError) as error:
        source = config.get('url') or config.get('hf_hub')
        raise FileNotFoundError(
            f'the CLIP weights {model} {checkpoint} could not be downloaded '
            f'from {source} ({error}). Download them elsewhere and give the '
            f'path of the file. {_WHERE}'
        ) from error


def read_clip(path: Path) -> dict[str, Tensor]:
    """Read all tensors of a CLIP checkpoint under open_clip's names.

    Args:
        path (Path): A file of any kind that
            :func:`aeroseg.checkpoints.read.read_checkpoint` knows.

    Returns:
        dict[str, Tensor]: float32 tensors; attention split into q, k, v.

    Raises:
        ValueError: If it is not a checkpoint, is cut off, or holds more than
            weights.
    """
    state = read_weights(path, _WHERE)
    return {
        key: value.float() if value.is_floating_point() else value
        for key, value in split_attention_weights(state).items()
    }


def select_tower(state: Mapping[str, Tensor], name: str) -> dict[str, Tensor]:
    """The tensors of the 'visual' or the 'text' tower, without prefix."""
    prefix = f'{name}.'
    chosen = {
        key.removeprefix(prefix): value
        for key, value in state.items()
        if key.startswith(prefix)
    }
    if name == 'visual':
        return chosen
    plain = {k: v for k, v in state.items() if k.startswith(_TEXT)}
    return {**plain, **chosen}


def _check_family(
    own: Mapping[str, Tensor], state: Mapping[str, Tensor], path: Path
) -> None:
    wanted, found = (
        {family for key, family in _FAMILIES.items() if key in tensors}
        for tensors in (own, state)
    )
    if wanted and found and wanted != found:
        raise ValueError(
            f'the image tower in {path} is a {found.pop()}, but the model '
            f'needs a {wanted.pop()}; choose CLIP weights of that kind (for '
            "a ConvNeXt open_clip's 'convnext_base_w_320' with the tag "
            "'laion_aesthetic_s13b_b82k', for a ViT 'ViT-B-16-quickgelu' "
            "with 'openai'), or the config that the weights were made for"
        )


def load_tower(
    tower: nn.Module, state: dict[str, Tensor], source: str
) -> None:
    """Fill a tower, and refuse what does not fit.

    Raises:
        ValueError: If a tensor is missing, unknown or of another shape.
    """
    own = tower.state_dict()
    ids = state.pop('token_embedding.ids', None)
    if ids is not None:
        table = own['token_embedding.weight'].clone()
        table[ids] = state.pop('token_embedding.rows').to(table)
        state['token_embedding.weight'] = table
    check_fit(
        own,
        state,
        f'{source} does not fit the model',
        f'Choose the open_clip model that the file was made for. {_WHERE}',
    )
    tower.load_state_dict(state)
