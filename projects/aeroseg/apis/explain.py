# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""How the model sees a vocabulary: its prompts, and classes that are alike."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import normalize

from aeroseg.vocabulary import Vocabulary

_ALIKE = 0.95


class Pair(NamedTuple):
    """Two classes and the cosine of their text features.

    Attributes:
        first (str): Name of a class.
        second (str): Name of another.
        similarity (float): 1 where the model cannot tell them apart.
    """

    first: str
    second: str
    similarity: float


class Neighbour(NamedTuple):
    """The class of the training that a class is most like.

    Attributes:
        name (str): Name of the class.
        trained (str): Name of the class of the training.
        similarity (float): Cosine of their text features.
        far (bool): Whether it is less like every class of the training than
            these are like each other: each of them has another that is at
            least as near.
    """

    name: str
    trained: str
    similarity: float
    far: bool


@dataclass(frozen=True)
class Explanation:
    """Prompts of every class, and classes by how alike they are.

    Attributes:
        prompts (dict[str, tuple[str, ...]]): Sentences by class name.
        contrast (tuple[str, ...]): Background words.
        pairs (tuple[Pair, ...]): All pairs of classes, most alike first.
        neighbours (tuple[Neighbour, ...]): One per class; none if the
            classes of the training are not known, or fewer than two.
    """

    prompts: dict[str, tuple[str, ...]]
    contrast: tuple[str, ...]
    pairs: tuple[Pair, ...]
    neighbours: tuple[Neighbour, ...] = ()

    @property
    def alike(self) -> tuple[Pair, ...]:
        """The pairs that the model can hardly tell apart."""
        return tuple(p for p in self.pairs if p.similarity >= _ALIKE)

    def text(self, max_pairs: int = 10) -> str:
        """The explanation as readable text.

        Args:
            max_pairs (int): How many pairs to name.
        """
        lines = ['What the model is asked:']
        for name, sentences in self.prompts.items():
            lines.append(f'  {name}')
            lines += [f'    "{sentence}"' for sentence in sentences]
        if self.contrast:
            lines.append(f'  background: {", ".join(self.contrast)}')
        if self.pairs:
            lines.append('Most similar classes by text features (1 is equal):')
        for first, second, value in self.pairs[:max_pairs]:
            mark = '  hardly told apart' if value >= _ALIKE else ''
            lines.append(f'  {value:.3f}  {first} / {second}{mark}')
        far = [n for n in self.neighbours if n.far]
        if far:
            lines.append('Far from every class of the training:')
        for name, trained, value, _ in far:
            lines.append(f'  {value:.3f}  {name}; the nearest is {trained}')
        return '\n'.join(lines)


def explain(
    encoder: Any, vocabulary: Vocabulary, trained: Vocabulary | None = None
) -> Explanation:
    """Look at a vocabulary through the text encoder.

    Args:
        encoder (OpenCLIPTextEncoder): Gives templates and text features.
        vocabulary (Vocabulary): The words.
        trained (Vocabulary | None): The classes of the training.

    Returns:
        Explanation: Prompts, pairs and neighbours. The similarity is the
        cosine of the mean features over all prompts; synonyms are averaged
        as they are for the prediction.
    """
    prompts = {
        words[0]: tuple(encoder.sentences(words))
        for words in vocabulary.synonyms
    }
    mean = _mean_features(encoder, vocabulary)
    cosine = (mean @ mean.T).cpu()
    names = vocabulary.names
    pairs = [
        Pair(names[i], names[j], float(cosine[i, j]))
        for i in range(len(names))
        for j in range(i + 1, len(names))
    ]
    pairs.sort(key=lambda pair: -pair.similarity)
    neighbours: tuple[Neighbour, ...] = ()
    if trained is not None and len(trained) > 1:
        known = _mean_features(encoder, trained)
        neighbours = _neighbours(mean, names, known, trained.names)
    return Explanation(prompts, vocabulary.contrast, tuple(pairs), neighbours)


def _mean_features(encoder: Any, vocabulary: Vocabulary) -> Tensor:
    """Unit mean over the prompts, (T, C)."""
    with torch.no_grad():
        features = encoder(vocabulary.queries)[: len(vocabulary)]
    return normalize(features.float().mean(dim=1), dim=-1)


def _neighbours(
    words: Tensor,
    names: tuple[str, ...],
    known: Tensor,
    trained: tuple[str, ...],
) -> tuple[Neighbour, ...]:
    among = known @ known.T
    among.fill_diagonal_(-1)
    least = float(among.amax(dim=1).min())
    best, place = (words @ known.T).max(dim=1)
    return tuple(
        Neighbour(name, trained[int(i)], float(value), float(value) < least)
        for name, value, i in zip(names, best, place, strict=True)
    )
