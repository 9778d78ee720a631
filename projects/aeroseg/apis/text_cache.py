# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Text features on disk, found again by what they were made of."""

import hashlib
import json
import os
from pathlib import Path
from typing import Protocol

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from aeroseg.files import atomic_path

Queries = tuple[tuple[str, ...], ...]


class TextEncoder(Protocol):
    """The part of a text encoder that the cache needs."""

    text: nn.Module
    templates: tuple[str, ...]

    def __call__(self, queries: Queries) -> Tensor:
        """Words of T classes -> unit features (T, P, C)."""
        ...

    def remember(self, queries: Queries, features: Tensor) -> None:
        """Take features instead of computing them."""
        ...


def default_folder() -> Path:
    """``$XDG_CACHE_HOME/aeroseg/text``, usually below ``~/.cache``."""
    home = os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache'
    return Path(home, 'aeroseg', 'text')


class TextCache:
    """Keeps the text features of vocabularies between runs.

    A file is named by a hash of the weights of the text tower, the templates
    and the words in their order. Another checkpoint or another word is
    another file; nothing has ever to be cleared for being out of date.

    Args:
        folder (Path): Where the files lie.
        encoder (TextEncoder): Its weights must not change while the cache is
            in use.
    """

    def __init__(self, folder: Path, encoder: TextEncoder) -> None:
        self.folder = folder
        self.encoder = encoder
        self._weights = _hash_weights(encoder.text)

    def prepare(self, queries: Queries) -> bool:
        """Give the encoder the features of a vocabulary.

        A damaged file is made again. If the folder cannot be written the
        features are computed and not kept.

        Args:
            queries (Queries): The words of each class.

        Returns:
            bool: Whether they came from the disk.
        """
        path = self.path(queries)
        features = _load(path)
        if features is not None:
            self.encoder.remember(queries, features)
            return True
        with torch.no_grad():
            features = self.encoder(queries)
        note = {'queries': json.dumps(queries)}
        try:
            with atomic_path(path) as part:
                kept = features.detach().cpu().contiguous()
                save_file({'features': kept}, part, metadata=note)
        except OSError:
            return False
        return False

    def path(self, queries: Queries) -> Path:
        """The file for a vocabulary, whether it exists or not."""
        content = [self._weights, list(self.encoder.templates), queries]
        text = json.dumps(content, ensure_ascii=False)
        digest = hashlib.sha256(text.encode()).hexdigest()
        return self.folder / f'{digest[:32]}.safetensors'


def _load(path: Path) -> Tensor | None:
    if not path.is_file():
        return None
    try:
        return load_file(path)['features']
    except (SafetensorError, KeyError, OSError):
        return None


def _hash_weights(module: nn.Module) -> str:
    digest = hashlib.sha256()
    for name, value in sorted(module.state_dict().items()):
        kept = value.detach().cpu().contiguous()
        digest.update(f'{name} {tuple(kept.shape)} {kept.dtype}'.encode())
        digest.update(kept.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
