# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""CAT-Seg and OVRS as published, whole: the oracle for values and for cost.

Nothing here is clever: one CLIP pass per rotation, 77 text tokens, guidance
repeated for every class, 256 class tokens. Tests compare values with it, the
benchmark compares time and memory.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from safetensors import safe_open
from torch import Tensor, nn

from published.aggregator import PublishedAggregator
from published.clip import PublishedCLIP

BLOCKS = (3, 7)  # whose outputs guide the decoder, counted from 0


class PublishedNetwork(nn.Module):
    """CLIP, the guidance's up-sampling and the aggregator.

    Args:
        rotations (int): 1: CAT-Seg; 4: OVRS.
        prompts (int): Prompts of a class.
        clip (PublishedCLIP | None): None: ViT-B/16, random weights.
        pooling (int): Pooling of the class block.
        grid (int): Side of the grid in cells.
    """

    def __init__(
        self,
        rotations: int = 4,
        prompts: int = 1,
        clip: PublishedCLIP | None = None,
        pooling: int = 1,
        grid: int = 24,
    ) -> None:
        super().__init__()
        self.rotations = rotations
        self.clip = clip or PublishedCLIP()
        width = self.clip.visual.conv1.out_channels
        self.upsample1 = nn.ConvTranspose2d(width, 256, 2, 2)
        self.upsample2 = nn.ConvTranspose2d(width, 128, 4, 4)
        self.aggregator = PublishedAggregator(
            channels=rotations * prompts,
            embed_dim=self.clip.visual.proj.shape[1],
            pooling=pooling,
            grid=grid,
            attention=rotations > 1,
        )

    def forward(self, image: Tensor, text: Tensor) -> Tensor:
        """Normalised image (B, 3, H, W), text (T, P, C) -> (B, T, 4h, 4w)."""
        dense, maps = [], []
        for turn in range(self.rotations):
            features, blocks = self.clip.visual(image.rot90(turn, (2, 3)))
            dense.append(turned_back(features, turn))
            maps.append([blocks[index] for index in BLOCKS])
        correlation = correlate(dense, text)
        shallow, deep = maps[0]
        guidance = (dense[0], self.upsample1(shallow), self.upsample2(deep))
        return self.aggregator(correlation, text, guidance)

    def train_like_published(self) -> None:
        """Of CLIP, train only the query and value projections."""
        for name, parameter in self.clip.named_parameters():
            parameter.requires_grad = name.endswith(
                ('q_proj_weight', 'v_proj_weight')
            )

    def encode_text(self, tokens: Tensor, prompts: int) -> Tensor:
        """(T P, 77) token ids -> (T, P, C)."""
        return self.clip.encode_text(tokens).unflatten(0, (-1, prompts))


def turned_back(features: Tensor, turn: int) -> Tensor:
    """(B, 1 + n * n, C) of an image turned by 90 degrees x turn -> map."""
    side = round((features.shape[1] - 1) ** 0.5)
    maps = features[:, 1:].transpose(1, 2).unflatten(-1, (side, side))
    return maps.rot90(-turn, (2, 3))


def correlate(dense: list[Tensor], text: Tensor) -> Tensor:
    """Cosines, (B, R P, T, h, w), angle-major and prompt-minor."""
    text = F.normalize(text, dim=-1)
    return torch.cat(
        [
            torch.einsum('bchw,tpc->bpthw', F.normalize(features, dim=1), text)
            for features in dense
        ],
        dim=1,
    )


class Golden:
    """A file of golden tensors, and the modules that computed them.

    Args:
        path (Path): A file of the folder ``golden``.
    """

    def __init__(self, path: Path) -> None:
        with safe_open(path, 'pt') as file:
            self.settings: dict[str, str] = file.metadata()
            self.tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118

    def __getitem__(self, name: str) -> Tensor:
        return self.tensors[name]

    def integer(self, name: str) -> int:
        """A number among the settings."""
        return int(self.settings[name])

    @property
    def rotations(self) -> int:
        """1 for CAT-Seg, 4 for OVRS."""
        return 4 if self.settings['system'] == 'ovrs' else 1

    @property
    def clip_sizes(self) -> dict[str, int]:
        """Sizes of the CLIP, under the names of the file."""
        parts = self.settings['clip'].split(',')
        return {k: int(v) for k, v in (part.split('=') for part in parts)}

    def state(self, prefix: str) -> dict[str, Tensor]:
        """The weights below a prefix, under their published names."""
        state = {
            key.removeprefix(prefix): value
            for key, value in self.tensors.items()
            if key.startswith(prefix)
        }
        ids = state.pop('token_embedding.ids', None)
        if ids is not None:
            rows = state.pop('token_embedding.rows')
            table = rows.new_zeros(49408, rows.shape[1])
            table[ids] = rows
            state['token_embedding.weight'] = table
        return state

    def clip(self) -> PublishedCLIP:
        """The CLIP with the file's weights, in eval mode."""
        sizes = self.clip_sizes
        clip = PublishedCLIP(
            embed_dim=sizes['embed_dim'],
            image=sizes['train_res'],
            width=sizes['vision_width'],
            layers=sizes['vision_layers'],
            patch=sizes['patch'],
            text_width=sizes['text_width'],
            text_layers=sizes['text_layers'],
        )
        clip.load_state_dict(self.state('clip.'))
        return clip.eval()

    def aggregator(self, **changes: Any) -> PublishedAggregator:
        """The aggregator with the file's weights, in eval mode."""
        settings = {
            'channels': self.rotations * self.integer('prompts'),
            'embed_dim': self.clip_sizes['embed_dim'],
            'dim': self.integer('hidden'),
            'heads': self.integer('heads'),
            'grid': self.integer('grid'),
            'window': self.integer('window'),
            'layers': self.integer('layers'),
            'pooling': json.loads(self.settings['pooling'])[0],
            'pad_len': self.integer('pad_len'),
            'decoder_dims': (32, 16),
            'guidance_in': (24, 20),
            'guidance_out': (16, 16),
            'attention': self.rotations > 1,
        }
        aggregator = PublishedAggregator(**{**settings, **changes})
        aggregator.load_state_dict(self.state('aggregator.'))
        return aggregator.eval()
