# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Train the small CLIPs and the small SAM-style encoder of the demo world.

What they learn from is described in docs/notes/world.md: a CLIP from crops
with sentences, the encoder from regions without names. None sees a label map
with names. There are two CLIPs, a ViT and, for SED, a ConvNeXt.

Examples:
  python studies/pretrain_world.py all --out configs/demo/weights
"""

from __future__ import annotations

import argparse
import logging
import multiprocessing
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import cv2
import numpy as np
import open_clip
import torch
import torch.nn.functional as F
from mmengine.config import Config
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import Tensor, nn

from aeroseg.acceleration import accelerated
from aeroseg.files import atomic_path
from aeroseg.models.backbones import ConvNeXtCLIP, RotatedCLIP
from aeroseg.models.guidance import SAMGuidance
from aeroseg.models.text_encoders import OpenCLIPTextEncoder
from aeroseg.world.captions import caption_scene
from aeroseg.world.classes import CLASSES
from aeroseg.world.scene import Scene, make_scene

MODELS = Path(__file__).resolve().parents[1] / 'configs/demo/_base_'
SERIES = 1  # scenes of pretraining; training uses 2, the test 3
LOG = logging.getLogger('pretrain_world')


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parts = ('clip', 'convnext', 'sam', 'all')
    parser.add_argument('part', choices=parts)
    parser.add_argument('--out', type=Path, required=True, help='folder')
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--scenes', type=int, default=2000)
    parser.add_argument('--batch', type=int, default=16, help='scenes')
    parser.add_argument('--clip-iters', type=int, default=1300)
    parser.add_argument('--sam-iters', type=int, default=600)
    parser.add_argument('--windows', type=int, default=8, help='per scene')
    parser.add_argument('--window', type=int, default=4, help='side, cells')
    return parser.parse_args()


def _scene(index: int) -> Scene:
    return make_scene(index, SERIES)


def make_scenes(count: int) -> Scene:
    """All scenes, stacked: images (N, S, S, 3), labels (N, S, S)."""
    with multiprocessing.get_context('fork').Pool() as pool:
        scenes = pool.map(_scene, range(count), chunksize=32)
    images, labels = zip(*scenes, strict=True)
    return Scene(np.stack(images), np.stack(labels))


def draw(
    scenes: Scene, rng: np.random.Generator, batch: int
) -> tuple[Tensor, list[NDArray[np.uint8]]]:
    """A batch, turned and mirrored at random: (B, 3, S, S) RGB and labels."""
    images, labels = [], []
    for index in rng.integers(len(scenes.image), size=batch):
        image, label = scenes.image[index], scenes.label[index]
        turns = int(rng.integers(4))
        image, label = np.rot90(image, turns), np.rot90(label, turns)
        if rng.random() < 0.5:
            image, label = image[:, ::-1], label[:, ::-1]
        images.append(image)
        labels.append(np.ascontiguousarray(label))
    stacked = torch.from_numpy(np.stack(images))
    return stacked.permute(0, 3, 1, 2).float(), labels


def magnify(
    pictures: Tensor, labels: list[NDArray[np.uint8]]
) -> tuple[Tensor, list[NDArray[np.uint8]]]:
    """The first quarter of each scene at the size of the whole.

    `draw` turns and mirrors scenes, so that it is any quarter.

    Args:
        pictures (Tensor): (B, 3, S, S).
        labels (list[ndarray]): (S, S) each.

    Returns:
        tuple[Tensor, list[ndarray]]: Pictures (B, 3, S, S); labels
        (S / 2, S / 2), still in pixels of the scene.
    """
    side = pictures.shape[-1] // 2
    part = pictures[..., :side, :side]
    size = (2 * side, 2 * side)
    part = F.interpolate(part, size, mode='bilinear', align_corners=False)
    return part, [label[:side, :side] for label in labels]


def autocast() -> torch.autocast:
    """bfloat16 where the processor has it; elsewhere it is slow."""
    fast = torch.ops.mkldnn._is_mkldnn_bf16_supported()
    return torch.autocast('cpu', torch.bfloat16, enabled=fast)


def optimise(
    parts: nn.Module, step: Callable[[], Tensor], iters: int, lr: float
) -> None:
    """AdamW with a linear warm-up and a cosine to zero."""
    weights = [p for p in parts.parameters() if p.requires_grad]
    groups = [
        {'params': [p for p in weights if p.ndim > 1], 'weight_decay': 0.05},
        {'params': [p for p in weights if p.ndim < 2], 'weight_decay': 0.0},
    ]
    optimiser = torch.optim.AdamW(groups, lr=lr, betas=(0.9, 0.98))
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, lr, iters, pct_start=0.1, cycle_momentum=False
    )
    start, total = time.time(), 0.0
    for index in range(1, iters + 1):
        with accelerated():
            loss = step()
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(weights, 1.0)
        optimiser.step()
        schedule.step()
        total += loss.item()
        if index % 50 == 0 or index == iters:
            seconds = time.time() - start
            mean = total / ((index - 1) % 50 + 1)
            LOG.info('%5d  loss %.3f  %4.0f s', index, mean, seconds)
            total = 0.0


def train_clip(
    scenes: Scene, args: argparse.Namespace, config: dict
) -> dict[str, Tensor]:
    """Contrast windows with sentences on the dense path.

    The image side is `RotatedCLIP` or `ConvNeXtCLIP` itself, the function
    that the segmentor uses: the feature of a window is the mean of its cells'
    dense features. A ConvNeXt has cells of 32 px, so it sees a quarter of the
    scene at twice its size.
    """
    convolutional = 'timm_model_name' in config['vision_cfg']
    image: RotatedCLIP | ConvNeXtCLIP = (
        ConvNeXtCLIP(config, trainable='all')
        if convolutional
        else RotatedCLIP(config, rotations=(0,), trainable='all')
    )
    text = OpenCLIPTextEncoder(config, templates=['{}'], trainable='all')
    scale = nn.Parameter(torch.tensor(2.6593))  # 1 / 0.07, as CLIP
    parts = nn.ModuleDict({'image': image, 'text': text})
    parts.register_parameter('scale', scale)
    contrast = open_clip.ClipLoss()
    rng = np.random.default_rng(args.seed)
    parts.train()

    def step() -> Tensor:
        pictures, labels = draw(scenes, rng, args.batch)
        if convolutional:
            pictures, labels = magnify(pictures, labels)
        captions = [
            caption_scene(label, rng, args.windows, args.window)
            for label in labels
        ]
        sentences = tuple((c.text,) for found in captions for c in found)
        with autocast():
            dense = image(pictures).dense[:, 0].float()
            words = text(sentences)[:, 0].float()
        pooled = F.avg_pool2d(dense, args.window, stride=1)
        windows = torch.stack(
            [
                pooled[index, :, caption.row, caption.column]
                for index, found in enumerate(captions)
                for caption in found
            ]
        )
        windows = F.normalize(windows, dim=-1)
        return contrast(windows, words, scale.exp().clamp(max=100))

    optimise(parts, step, args.clip_iters, 1e-3)
    used = {int(i) for s in _all_tokens(text) for i in s}
    return pack_clip(image, text, scale, sorted(used))


def _all_tokens(text: OpenCLIPTextEncoder) -> Iterable[list[int]]:
    rng = np.random.default_rng(0)
    label = np.arange(256, dtype=np.uint8).reshape(16, 16) % len(CLASSES)
    label = np.kron(label, np.ones((16, 16), np.uint8))
    found = caption_scene(label, rng, 4000, 4)
    return text.tokenizer(sorted({c.text for c in found})).tolist()


def pack_clip(
    image: RotatedCLIP | ConvNeXtCLIP,
    text: OpenCLIPTextEncoder,
    scale: Tensor,
    tokens: list[int],
) -> dict[str, Tensor]:
    """Name the weights as open_clip does; of the tokens keep `tokens`."""
    state = {f'visual.{k}': v for k, v in image.visual.state_dict().items()}
    state |= text.text.state_dict()
    table = state.pop('token_embedding.weight')
    for key in [k for k in state if k.endswith('q_proj_weight')]:
        names = [key.replace('q_proj', f'{part}_proj') for part in 'qkv']
        whole = torch.cat([state.pop(name) for name in names])
        state[key.replace('q_proj_weight', 'in_proj_weight')] = whole
    ids = torch.tensor(tokens)
    state['token_embedding.rows'] = table[ids]
    state['logit_scale'] = scale
    half = {k: v.detach().half().contiguous() for k, v in state.items()}
    return {**half, 'token_embedding.ids': ids}


def regions(label: NDArray[np.uint8], side: int) -> NDArray[np.int64]:
    """Number the connected regions of a label map; names are lost.

    Args:
        label (ndarray): (S, S).
        side (int): Cells per side of the result.

    Returns:
        ndarray: (side, side) region numbers.
    """
    step = len(label) // side
    small = np.ascontiguousarray(label[step // 2 :: step, step // 2 :: step])
    numbers = np.zeros(small.shape, np.int64)
    for value in np.unique(small):
        count, found = cv2.connectedComponents(
            (small == value).astype(np.uint8), connectivity=4
        )
        numbers += np.where(found > 0, found + numbers.max(), 0)
        del count
    return numbers


class RegionReadout(nn.Module):
    """Linear readout of a feature map: 16 channels at a quarter of a cell.

    Args:
        channels (int): Of the feature map.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.project = nn.Conv2d(channels, 16 * 17, 1)

    def forward(self, feature: Tensor) -> tuple[Tensor, Tensor]:
        """(B, C, h, w) -> unit (B, 16, 4h, 4w) and edge logit (B, 4h, 4w)."""
        x = F.pixel_shuffle(self.project(feature), 4)
        return F.normalize(x[:, :16], dim=1), x[:, 16]


def region_loss(readout: tuple[Tensor, Tensor], number: Tensor) -> Tensor:
    """Every pixel must find its own region among those of its image.

    Args:
        readout (tuple[Tensor, Tensor]): Unit vectors (B, E, H, W) and edge
            logits (B, H, W).
        number (Tensor): (B, H, W) region numbers.

    Returns:
        Tensor: Cross-entropy over the region means, plus that of the edges.
    """
    unit, edge = readout
    losses = []
    for pixels, ids in zip(unit.flatten(2), number.flatten(1), strict=True):
        _, inverse = ids.unique(return_inverse=True)
        one_hot = F.one_hot(inverse).float()
        centres = F.normalize(pixels @ one_hot, dim=0)
        losses.append(F.cross_entropy(pixels.T @ centres / 0.1, inverse))
    is_edge = torch.zeros_like(edge)
    is_edge[:, 1:] += (number[:, 1:] != number[:, :-1]).float()
    is_edge[:, :, 1:] += (number[:, :, 1:] != number[:, :, :-1]).float()
    found = F.binary_cross_entropy_with_logits(edge, is_edge.clamp(max=1))
    return torch.stack(losses).mean() + found


def train_sam(
    scenes: Scene, args: argparse.Namespace, config: dict
) -> dict[str, Tensor]:
    """Train the encoder on regions without names, read at three depths."""
    encoder = SAMGuidance(**{**config, 'frozen': False, 'init_cfg': None})
    readouts = nn.ModuleList(RegionReadout(c) for c in encoder.out_channels)
    rng = np.random.default_rng(args.seed)
    parts = nn.ModuleList([encoder, readouts])
    parts.train()

    def step() -> Tensor:
        pictures, labels = draw(scenes, rng, args.batch)
        side = 4 * pictures.shape[-1] // encoder.stride
        number = torch.from_numpy(np.stack([regions(x, side) for x in labels]))
        with autocast():
            features = encoder(pictures)
        losses = [
            region_loss(readout(feature.float()), number)
            for readout, feature in zip(readouts, features, strict=True)
        ]
        return torch.stack(losses).sum()

    optimise(parts, step, args.sam_iters, 1e-3)
    state = encoder.encoder.state_dict()
    return {k: v.detach().half().contiguous() for k, v in state.items()}


def main() -> None:
    """Make the scenes, train, save."""
    args = parse_args()
    logging.basicConfig(level=logging.INFO, format='%(message)s')
    config = Config.fromfile(MODELS / 'world_model.py')
    convnext = Config.fromfile(MODELS / 'world_convnext.py')
    start = time.time()
    scenes = make_scenes(args.scenes)
    LOG.info('%d scenes in %.0f s', args.scenes, time.time() - start)
    args.out.mkdir(parents=True, exist_ok=True)
    jobs = {
        'clip': (train_clip, config.clip_model.to_dict()),
        'convnext': (train_clip, convnext.clip_model.to_dict()),
        'sam': (train_sam, config.model.guidance_encoder.to_dict()),
    }
    for name, (train, settings) in jobs.items():
        if args.part in (name, 'all'):
            torch.manual_seed(args.seed)
            settings.pop('type', None)
            state = train(scenes, args, settings)
            with atomic_path(args.out / f'world_{name}.safetensors') as path:
                save_file(state, path)
            size = sum(v.nbytes for v in state.values()) / 1e6
            LOG.info('%s: %.1f MB, %.0f s', name, size, time.time() - start)


if __name__ == '__main__':
    main()
