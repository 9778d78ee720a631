# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""How the model sees a vocabulary: its prompts, and classes that are alike."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
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


@dataclass(frozen=True)
class Explanation:
    """Prompts of every class, and classes by how alike they are.

    Attributes:
        prompts (dict[str, tuple[str, ...]]): Sentences by class name.
        contrast (tuple[str, ...]): Background words.
        pairs (tuple[Pair, ...]): All pairs of classes, most alike first.
    """

    prompts: dict[str, tuple[str, ...]]
    contrast: tuple[str, ...]
    pairs: tuple[Pair, ...]

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
        return '\n'.join(lines)


def explain(encoder: Any, vocabulary: Vocabulary) -> Explanation:
    """Look at a vocabulary through the text encoder.

    Args:
        encoder (OpenCLIPTextEncoder): Gives templates and text features.
        vocabulary (Vocabulary): The words.

    Returns:
        Explanation: Prompts and pairs. The similarity is the cosine of the
        mean features over all prompts; synonyms are averaged as they are for
        the prediction.
    """
    prompts = {
        words[0]: tuple(encoder.sentences(words))
        for words in vocabulary.synonyms
    }
    with torch.no_grad():
        features = encoder(vocabulary.queries)[: len(vocabulary)]
    mean = normalize(features.float().mean(dim=1), dim=-1)
    cosine = (mean @ mean.T).cpu()
    names = vocabulary.names
    pairs = [
        Pair(names[i], names[j], float(cosine[i, j]))
        for i in range(len(names))
        for j in range(i + 1, len(names))
    ]
    pairs.sort(key=lambda pair: -pair.similarity)
    return Explanation(prompts, vocabulary.contrast, tuple(pairs))
