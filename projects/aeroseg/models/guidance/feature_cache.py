# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Features of a frozen encoder, kept on disk between epochs and runs."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import torch
from mmengine.dist import get_world_size
from mmengine.logging import print_log
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from aeroseg.files import atomic_path

_LOG_EVERY = 1000  # images between two lines in the log
_GIB = 2**30


class FeatureCache:
    """A folder of feature maps, one file per image, in float16.

    A file is found by the content of the image as the encoder gets it, so
    a random augmentation never gets features of another image: it is only a
    miss. It is useful where the pipeline makes few variants of an image
    (none, or a flip), not with colour jitter.

    A file appears complete or not at all, and one that cannot be read counts
    as missing, so that a run may be killed at any time and several processes
    may share a folder. When the folder is full, nothing more is stored and
    nothing is deleted: in training, the image that was used last is needed
    again last.

    Args:
        folder (str | Path): Where the files are; made if absent. Each
            encoder, its weights and settings included, has a folder inside it.
        max_gib (float): Size at which nothing more is stored, in GiB. SAM-L
            at 384 px takes 3.4 MiB an image.
    """

    def __init__(self, folder: str | Path, max_gib: float = 20.0) -> None:
        if max_gib <= 0:
            raise ValueError(f'max_gib is a size above 0; got {max_gib}.')
        self.folder = Path(folder)
        self.max_bytes = int(max_gib * _GIB)
        self.hits = 0
        self.lookups = 0
        self._room: int | None = None

    @property
    def hit_rate(self) -> float:
        """Share of the images that were found, 0-1."""
        return self.hits / max(1, self.lookups)

    def recall(
        self,
        encoder: str,
        images: Tensor,
        compute: Callable[[Tensor], Sequence[Tensor]],
    ) -> list[Tensor]:
        """Find the maps of a batch, and compute and store the missing ones.

        Maps are rounded to float16 whether they were found or computed: what
        comes out does not depend on what was stored. (An image with values
        beyond the range of float16 is neither rounded nor stored.)

        Args:
            encoder (str): Digest of the encoder.
            images (Tensor): (B, 3, H, W).
            compute (Callable): Images (N, 3, H, W) -> maps, each (N, ...).

        Returns:
            list[Tensor]: Maps, each (B, ...), of the images' type and device.
        """
        keys = [digest([image]) for image in images]
        found = [self.read(encoder, key) for key in keys]
        missing = [index for index, maps in enumerate(found) if maps is None]
        if missing:
            for index, *maps in zip(
                missing, *compute(images[missing]), strict=True
            ):
                self.write(encoder, keys[index], [m.half() for m in maps])
                found[index] = tuple(_rounded(m) for m in maps)
        return [
            torch.stack([m.to(images, non_blocking=True) for m in maps])
            for maps in zip(*found, strict=True)
        ]

    def read(self, encoder: str, image: str) -> tuple[Tensor, ...] | None:
        """Look an image up.

        Args:
            encoder (str): Digest of the encoder.
            image (str): Digest of the image.

        Returns:
            tuple[Tensor, ...] | None: The maps, float16, on the CPU.
        """
        path = self._path(encoder, image)
        maps = None
        if path.is_file():
            try:
                maps = tuple(v for _, v in sorted(load_file(path).items()))
            except (OSError, SafetensorError):
                path.unlink(missing_ok=True)
        self.lookups += 1
        self.hits += maps is not None
        if self.lookups % _LOG_EVERY == 0:
            self.log()
        return maps

    def write(self, encoder: str, image: str, maps: Iterable[Tensor]) -> bool:
        """Store the maps of an image, where there is room.

        Args:
            encoder (str): Digest of the encoder.
            image (str): Digest of the image.
            maps (Iterable[Tensor]): float16 maps; values beyond its range
                are not stored.

        Returns:
            bool: Whether they were stored.
        """
        tensors = {
            str(index): value.cpu().contiguous()
            for index, value in enumerate(maps)
        }
        size = sum(value.nbytes for value in tensors.values())
        if self.room < size:
            return False
        if not all(value.isfinite().all() for value in tensors.values()):
            return False
        with atomic_path(self._path(encoder, image)) as part:
            save_file(tensors, part)
        self._room = self.room - size
        return True

    @property
    def room(self) -> int:
        """Bytes that this process may still store."""
        if self._room is None:
            used = sum(
                file.stat().st_size
                for file in self.folder.rglob('*.safetensors')
            )
            # Processes that share the folder share what is left of it.
            self._room = (self.max_bytes - used) // get_world_size()
        return self._room

    def log(self) -> None:
        """Write the hit rate into the log."""
        print_log(
            f'feature cache {self.folder}: {self.hits} of {self.lookups} '
            f'images found ({self.hit_rate:.0%}), room for '
            f'{max(0, self.room) / _GIB:.1f} GiB more',
            'current',
        )

    def _path(self, encoder: str, image: str) -> Path:
        return self.folder / encoder / image[:2] / f'{image}.safetensors'


def digest(
    tensors: Iterable[Tensor], settings: Mapping[str, object] | None = None
) -> str:
    """A short name for some tensors and settings.

    Args:
        tensors (Iterable[Tensor]): Anything; values, shapes and types count.
        settings (Mapping[str, object] | None): Printed by ``repr``.

    Returns:
        str: 32 hexadecimal digits.
    """
    state = hashlib.blake2b(digest_size=16)
    state.update(repr(sorted((settings or {}).items())).encode())
    for tensor in tensors:
        state.update(f'{tuple(tensor.shape)} {tensor.dtype}'.encode())
        # A copy where memory is strided; numpy knows no bfloat16.
        flat = tensor.detach().cpu().contiguous().view(-1)
        state.update(flat.view(torch.uint8).numpy().data)
    return state.hexdigest()


def _rounded(x: Tensor) -> Tensor:
    """To float16 and back, but for values beyond its range."""
    rounded = x.half().to(x.dtype)
    return torch.where(rounded.isfinite(), rounded, x)
