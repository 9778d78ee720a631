# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The words a model is asked for: ordered names, synonyms, marks, colours."""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, cast

from aeroseg.palette import RGB, default_palette

from .text import clean_word, read_lines, split_classes


@dataclass(frozen=True)
class Vocabulary:
    """Ordered class names with everything the model and the reader need.

    The order is the user's; the place of a name is its label id.

    Attributes:
        names (tuple[str, ...]): The T class names; at least one, no two equal
            (upper and lower case count as equal).
        synonyms (tuple[tuple[str, ...], ...]): Per class the words to prompt
            with, the name itself first. All synonyms of a class have the same
            weight: their unit text embeddings are averaged, per prompt.
        seen (tuple[bool, ...] | None): Whether a class was seen in training;
            None where that is not known.
        palette (tuple[RGB, ...]): A colour per class, RGB 0-255.
        contrast (tuple[str, ...]): Background words. They are predicted like
            classes and then merged into 'background'.
        threshold (float | None): A pixel whose best probability is below it
            becomes background. In [0, 1].

    Raises:
        ValueError: If a name is empty, given twice or holds a character that
            cannot be seen, a synonym belongs to two classes, or the lengths
            do not agree.

    Examples:
        >>> Vocabulary.parse('building, house; road').synonyms
        (('building', 'house'), ('road',))
    """

    names: tuple[str, ...]
    synonyms: tuple[tuple[str, ...], ...] = ()
    seen: tuple[bool, ...] | None = None
    palette: tuple[RGB, ...] = field(default=())
    contrast: tuple[str, ...] = ()
    threshold: float | None = None

    def __post_init__(self) -> None:
        set_field = lambda key, value: object.__setattr__(self, key, value)  # noqa: E731
        set_field('names', tuple(map(clean_word, self.names)))
        set_field('contrast', tuple(map(clean_word, self.contrast)))
        if not self.synonyms:
            set_field('synonyms', tuple((name,) for name in self.names))
        if not self.palette:
            set_field('palette', default_palette(self.names))
        set_field(
            'synonyms', tuple(tuple(map(clean_word, s)) for s in self.synonyms)
        )
        set_field(
            'palette',
            tuple((int(r), int(g), int(b)) for r, g, b in self.palette),
        )
        if self.seen is not None:
            set_field('seen', tuple(bool(mark) for mark in self.seen))
        self._check()

    def _check(self) -> None:
        if not self.names:
            raise ValueError(
                'the vocabulary is empty; give at least one class name, for '
                'example "building; road; water"'
            )
        owner: dict[str, str] = {}
        for group in self.queries:
            for word in group:
                if not word.strip():
                    raise ValueError(
                        f'a class name or synonym is empty in {self.queries}; '
                        'write "name, synonym; name; ..."'
                    )
                key = word.casefold()
                if key in owner:
                    raise ValueError(
                        f'{word!r} is given twice, in {owner[key]!r} '
                        f'and in {group[0]!r}; every name and synonym may '
                        'stand once (upper and lower case count as equal)'
                    )
                owner[key] = group[0]
        lengths = {
            'synonyms': len(self.synonyms),
            'palette': len(self.palette),
            'seen': len(self.names if self.seen is None else self.seen),
        }
        for key, length in lengths.items():
            if length != len(self):
                raise ValueError(
                    f'{length} entries in {key} for {len(self)} class names; '
                    'give one per class'
                )
        if self.threshold is not None and not 0 <= self.threshold <= 1:
            raise ValueError(
                f'the background threshold is {self.threshold}; it is a '
                'probability from 0 to 1'
            )

    def __len__(self) -> int:
        """T, the number of classes; background words do not count."""
        return len(self.names)

    @property
    def queries(self) -> tuple[tuple[str, ...], ...]:
        """Words per text feature: T classes, then K background words."""
        return self.synonyms + tuple((word,) for word in self.contrast)

    @property
    def seen_names(self) -> tuple[str, ...]:
        """The names marked as seen in training; empty if unknown."""
        marks = self.seen or (False,) * len(self)
        return tuple(
            n for n, seen in zip(self.names, marks, strict=True) if seen
        )

    @property
    def digest(self) -> str:
        """A hash of the words, in order; equal words, equal digest."""
        return hashlib.sha256(repr(self.queries).encode()).hexdigest()[:16]

    @classmethod
    def parse(cls, text: str, **kwargs: Any) -> 'Vocabulary':
        """Read the form of the command line.

        Args:
            text (str): ';' between classes, ',' between synonyms:
                'building, house; road; water, river'.
            **kwargs: Further fields of the vocabulary.
        """
        groups = split_classes(text)
        return cls(tuple(g[0] for g in groups), tuple(groups), **kwargs)

    @classmethod
    def from_file(cls, path: str | Path, **kwargs: Any) -> 'Vocabulary':
        """Read a text file with a class per line.

        See :func:`.text.read_lines` for the form and the errors.
        """
        lines = read_lines(Path(path))
        if lines and lines[0].seen is not None:
            kwargs.setdefault('seen', tuple(bool(x.seen) for x in lines))
        if lines and lines[0].colour is not None:
            kwargs.setdefault('palette', tuple(x.colour for x in lines))
        words = tuple(line.words for line in lines)
        return cls(tuple(w[0] for w in words), words, **kwargs)

    @classmethod
    def from_metainfo(cls, metainfo: Mapping[str, Any]) -> 'Vocabulary':
        """Read the metainfo of an mmseg dataset.

        Args:
            metainfo (Mapping): 'classes' and optionally 'palette',
                'seen_classes', 'synonyms' (a mapping from a class name to
                further words) and 'threshold'.

        Raises:
            ValueError: If there are no classes.
        """
        names = tuple(metainfo.get('classes') or ())
        extra = metainfo.get('synonyms') or {}
        seen = metainfo.get('seen_classes')
        return cls(
            names=names,
            synonyms=tuple((n, *extra.get(n, ())) for n in names),
            seen=None if seen is None else tuple(n in seen for n in names),
            palette=tuple(metainfo.get('palette') or ())[: len(names)],
            threshold=metainfo.get('threshold'),
        )

    @classmethod
    def build(cls, config: 'Vocabulary | Mapping[str, Any]') -> 'Vocabulary':
        """Make the vocabulary that a model config names.

        Args:
            config (Vocabulary | Mapping): A vocabulary; or
                ``dict(dataset='ISAID15Dataset')`` for the classes of a
                registered dataset, ``dict(file='names.txt')``, or the fields
                of a vocabulary. The first two take ``classes``: 'all',
                'seen' or 'unseen'.

        Raises:
            ValueError: If there is no such dataset, or the classes are
                marked neither seen nor unseen though that is asked for.
        """
        if isinstance(config, cls):
            return config
        config = dict(cast(Mapping[str, Any], config))
        classes = config.pop('classes', 'all')
        if 'dataset' in config:
            full = cls.from_metainfo(_metainfo_of(config['dataset']))
        elif 'file' in config:
            full = cls.from_file(config['file'])
        else:
            full = cls.from_dict(config)
        return full.subset(classes)

    def subset(self, classes: str) -> 'Vocabulary':
        """The classes marked 'seen' or 'unseen', or 'all'.

        Raises:
            ValueError: If the mark is unknown or no class carries it.
        """
        if classes == 'all':
            return self
        if classes not in ('seen', 'unseen') or self.seen is None:
            raise ValueError(
                f'classes={classes!r} of {list(self.names)}, '
                f'{"which carry no marks" if self.seen is None else "marked"}'
                "; allowed are 'all' and, where every class is marked, 'seen' "
                "and 'unseen'"
            )
        keep = [i for i, s in enumerate(self.seen) if s == (classes == 'seen')]
        return replace(
            self,
            names=tuple(self.names[i] for i in keep),
            synonyms=tuple(self.synonyms[i] for i in keep),
            seen=tuple(self.seen[i] for i in keep),
            palette=tuple(self.palette[i] for i in keep),
        )

    def to_metainfo(self) -> dict[str, Any]:
        """The vocabulary as metainfo of an mmseg dataset."""
        meta: dict[str, Any] = {
            'classes': self.names,
            'palette': [list(colour) for colour in self.palette],
            'synonyms': {s[0]: s[1:] for s in self.synonyms if len(s) > 1},
        }
        if self.seen is not None:
            meta['seen_classes'] = self.seen_names
        return meta

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> 'Vocabulary':
        """The inverse of :meth:`to_dict`.

        Raises:
            ValueError: If there are no names, or there is an unknown entry.
        """
        known = {f.name for f in fields(cls)}
        if 'names' not in values or not known.issuperset(values):
            raise ValueError(
                f'a vocabulary with the entries {sorted(values)} is unknown; '
                "give dataset='...', file='names.txt' or names=(...), with "
                f'any of {sorted(known - {"names"})}'
            )
        return cls(**values)

    def to_dict(self) -> dict[str, Any]:
        """All fields as plain values that JSON can hold."""
        return asdict(self)


def _metainfo_of(dataset: str) -> Mapping[str, Any]:
    from mmseg.registry import DATASETS

    metainfo = getattr(DATASETS.get(dataset), 'METAINFO', {})
    if not metainfo.get('classes'):
        raise ValueError(
            f'no dataset {dataset!r} with classes of its own is registered; '
            'AerOSeg brings ISAID15Dataset, DLRSDDataset, OpenEarthMapDataset '
            'and WorldDataset. For a FolderDataset name its list of classes, '
            "vocabulary=dict(file='names.txt')"
        )
    return metainfo
