# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Check datasets: all pairs, or a quick sample of them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from aeroseg.vocabulary import Vocabulary

from ..open_vocab import OpenVocabDataset
from .pair import PairFacts, scan_pairs
from .rules import Finding, check_overlap, check_split, check_unused


class DatasetCheck:
    """Checks the pairs of one or more splits.

    Args:
        splits (Mapping[str, OpenVocabDataset]): Datasets by the name of
            their split.
        sample (int, optional): Number of pairs to check per split, spread
            evenly. Default: all.

    Raises:
        ValueError: If `sample` is not positive.

    Examples::

        check = DatasetCheck({'train': train, 'val': val})
        for pair in check.run():
            pass
        check.findings()
    """

    def __init__(
        self,
        splits: Mapping[str, OpenVocabDataset],
        sample: int | None = None,
    ) -> None:
        if sample is not None and sample < 1:
            raise ValueError(f'sample={sample}; give 1 or more')
        self.splits = dict(splits)
        self.sample = sample
        self.infos = {n: self._chosen(d) for n, d in self.splits.items()}
        self.pairs: dict[str, list[PairFacts]] = {n: [] for n in self.splits}

    def _chosen(self, dataset: OpenVocabDataset) -> list[dict[str, Any]]:
        number = len(dataset)
        if self.sample is None or self.sample >= number:
            indices: Sequence[int] = range(number)
        else:
            spread = np.linspace(0, number - 1, self.sample)
            indices = [int(i) for i in spread.round()]
        return [dataset.get_data_info(i) for i in indices]

    def __len__(self) -> int:
        """Number of pairs that :meth:`run` checks."""
        return sum(map(len, self.infos.values()))

    def run(self, workers: int = 1) -> Iterator[PairFacts]:
        """Scan the pairs, split by split.

        Args:
            workers (int): Processes. Default: 1.

        Yields:
            PairFacts: Each pair after it was scanned.
        """
        for name, infos in self.infos.items():
            self.pairs[name] = []
            for pair in scan_pairs(infos, workers):
                self.pairs[name].append(pair)
                yield pair

    def findings(self) -> list[Finding]:
        """What :meth:`run` found."""
        found: list[Finding] = []
        for name, pairs in self.pairs.items():
            sampled = len(self.infos[name]) < len(self.splits[name])
            found += check_split(name, pairs, self.vocabulary(name), sampled)
            found += check_unused(name, self.splits[name].unused_labels())
        return found + check_overlap(self.pairs)

    def vocabulary(self, split: str) -> Vocabulary:
        """All classes of the label files of a split, in order of the ids."""
        return self.splits[split].full_vocabulary

    def table(self) -> dict[str, dict[str, list[int]]]:
        """Pixels and images per class name, by split; 'ignored' last."""
        result: dict[str, dict[str, list[int]]] = {}
        for name, pairs in self.pairs.items():
            labels = [
                *enumerate(self.vocabulary(name).names),
                (255, 'ignored'),
            ]
            result[name] = {
                label: [
                    sum(pair.pixels.get(i, 0) for pair in pairs),
                    sum(i in pair.pixels for pair in pairs),
                ]
                for i, label in labels
            }
        return result
