# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The record of a conversion: finished scenes, and the summary."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from aeroseg.files import atomic_path

from .tiles import is_written

LOG = 'tiles.jsonl'
SUMMARY = 'manifest.json'


class Manifest:
    """A log that grows scene by scene and ends as a sorted file.

    While a conversion runs, ``.tiles.jsonl.part`` takes one line per finished
    scene; a line that was cut off by a kill is ignored. At the end it
    becomes ``tiles.jsonl``, sorted, so that any order of work gives the same
    bytes, with the summary ``manifest.json`` next to it.

    Args:
        root (Path): Folder of the converted dataset.
        settings (Mapping): Everything that determines the result.

    Raises:
        ValueError: If the folder holds a conversion with other settings.
    """

    def __init__(self, root: Path, settings: Mapping[str, Any]) -> None:
        self.root = root
        self.settings = json.loads(json.dumps(settings))
        self._log = root / f'.{LOG}.part'
        self.records: dict[str, dict[str, Any]] = {}
        for path in (root / LOG, self._log):
            self._load(path)

    def _load(self, path: Path) -> None:
        if not path.is_file():
            return
        lines = [line for line in map(_parse, path.open()) if line]
        if not lines:
            return
        if lines[0].get('settings') != self.settings:
            raise ValueError(
                f'{self.root} holds a conversion with other settings:\n'
                f'  there: {lines[0].get("settings")}\n'
                f'  asked: {self.settings}\n'
                'Choose another output folder, or delete that one'
            )
        for record in lines[1:]:
            if all(is_written(self.root, tile) for tile in record['tiles']):
                self.records[record['scene']] = record

    def start(self) -> None:
        """Start or resume the log of finished scenes."""
        self.root.mkdir(parents=True, exist_ok=True)
        for part in self.root.glob('*/*/.*.part.png'):
            part.unlink()
        lines = [{'settings': self.settings}, *self.records.values()]
        with atomic_path(self._log) as part:
            part.write_text(''.join(map(_line, lines)))

    def add(self, record: dict[str, Any]) -> None:
        """Note a finished scene; it survives a kill from here on."""
        self.records[record['scene']] = record
        with self._log.open('a') as log:
            log.write(_line(record))

    def finish(
        self, classes: Sequence[str], sentences: Sequence[str]
    ) -> dict[str, Any]:
        """Write the record and a list of tiles per split; drop the log.

        Args:
            classes (Sequence[str]): Names of the class ids.
            sentences (Sequence[str]): The report of the converter.

        Returns:
            dict: The summary, as in ``manifest.json``.
        """
        records = [self.records[name] for name in sorted(self.records)]
        summary = {
            'settings': self.settings,
            'scenes': len(records),
            'splits': _splits(records, classes),
            'report': list(sentences),
        }
        with atomic_path(self.root / LOG) as part:
            lines = [{'settings': self.settings}, *records]
            part.write_text(''.join(map(_line, lines)))
        with atomic_path(self.root / SUMMARY) as part:
            part.write_text(json.dumps(summary, indent=2) + '\n')
        for split, names in _names(records).items():
            with atomic_path(self.root / f'{split}.txt') as part:
                part.write_text('\n'.join(sorted(names)) + '\n')
        self._log.unlink(missing_ok=True)
        return summary

    def foreign_files(self) -> list[str]:
        """Image and label files in the folder that are in no record."""
        known = {
            f'{folder}/{tile["split"]}/{tile["name"]}.png'
            for record in self.records.values()
            for tile in record['tiles']
            for folder in ('img_dir', 'ann_dir')
        }
        found = {
            path.relative_to(self.root).as_posix()
            for folder in ('img_dir', 'ann_dir')
            for path in (self.root / folder).rglob('*')
            if path.is_file()
        }
        return sorted(found - known)


def _splits(
    records: Iterable[Mapping[str, Any]], classes: Sequence[str]
) -> dict[str, Any]:
    """Tiles, and per class pixels and tiles, of every split."""
    splits: dict[str, Any] = {}
    for tile in (t for record in records for t in record['tiles']):
        split = splits.setdefault(
            tile['split'],
            {'tiles': 0, 'pixels': Counter(), 'tiles_with': Counter()},
        )
        split['tiles'] += 1
        split['pixels'].update(tile['pixels'])
        split['tiles_with'].update(tile['pixels'].keys())
    names = {str(i): name for i, name in enumerate(classes)}
    names['255'] = 'ignored'
    for split in splits.values():
        for key in ('pixels', 'tiles_with'):
            split[key] = {n: split[key].get(i, 0) for i, n in names.items()}
    return dict(sorted(splits.items()))


def _names(
    records: Iterable[Mapping[str, Any]],
) -> dict[str, list[str]]:
    names: dict[str, list[str]] = {}
    for tile in (t for record in records for t in record['tiles']):
        names.setdefault(tile['split'], []).append(tile['name'])
    return names


def _line(record: Mapping[str, Any]) -> str:
    return json.dumps(record, separators=(',', ':')) + '\n'


def _parse(line: str) -> dict[str, Any] | None:
    try:
        return json.loads(line)
    except json.JSONDecodeError:
        return None
