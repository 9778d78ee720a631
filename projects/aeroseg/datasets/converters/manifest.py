# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The record of a conversion: finished scenes, and the summary."""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from aeroseg.files import atomic_path

from .scene import Scene
from .source import SourceFile
from .tiles import FOLDERS, is_written, tile_files

LOG = 'tiles.jsonl'
SUMMARY = 'manifest.json'
_LISTS = ('train.txt', 'val.txt', 'test.txt')
_PART = re.compile(r'\..+\.\d+\.part\.\w+')


class Manifest:
    """A log that grows scene by scene and ends as a sorted file.

    While a conversion runs, ``.tiles.jsonl.part`` takes one line per finished
    scene; a line that was cut off by a kill is ignored. At the end it
    becomes ``tiles.jsonl``, sorted, so that any order of work gives the same
    bytes, with the summary ``manifest.json`` next to it.

    A scene counts as finished if it was asked for in the same way, its source
    files have the recorded size and time (or, with another time, the
    recorded hash), and its tiles the recorded hash.

    Args:
        root (Path): Folder of the converted dataset.
        settings (Mapping): Everything that determines the result, besides
            the scenes.
        scenes (Sequence[Scene]): All scenes of the conversion.
        files (Mapping[str, bytes]): Further files of the dataset by name.
        allow_damaged (bool): Whether scenes count as finished that were read
            though they are damaged.

    Raises:
        ValueError: If the folder holds a conversion with other settings, or
            files of another origin.
    """

    def __init__(
        self,
        root: Path,
        settings: Mapping[str, Any],
        scenes: Sequence[Scene] = (),
        files: Mapping[str, bytes] | None = None,
        allow_damaged: bool = False,
    ) -> None:
        self.root = root
        self.settings = json.loads(json.dumps(settings))
        self.files = dict(files or {})
        self._log = root / f'.{LOG}.part'
        self._scenes = {scene.name: scene for scene in scenes}
        self._allow_damaged = allow_damaged
        self._written: dict[str, str] = {}
        self.records: dict[str, dict[str, Any]] = {}
        self.outdated: dict[str, dict[str, Any]] = {}
        self.load()

    def has_changed(self) -> bool:
        """Whether another run has written the record since it was read."""
        return self._state != self._states()

    def _states(self) -> list[tuple[int, int] | None]:
        paths = [self.root / LOG, self._log]
        stats = [path.stat() if path.is_file() else None for path in paths]
        return [s and (s.st_mtime_ns, s.st_size) for s in stats]

    def load(self) -> None:
        """Read which scenes are finished, and which no longer fit."""
        self._state = self._states()
        found: dict[str, dict[str, Any]] = {}
        for path in (self.root / LOG, self._log):
            found |= self._read(path)
        self._check_origin(bool(found) or self._log.is_file())
        self.records, self.outdated = {}, {}
        for name, record in found.items():
            # Every tile is looked at: one that was edited must be named.
            whole = [is_written(self.root, tile) for tile in record['tiles']]
            if all(whole) and self._is_current(record):
                self.records[name] = record
            else:
                self.outdated[name] = record

    def _read(self, path: Path) -> dict[str, dict[str, Any]]:
        if not path.is_file():
            return {}
        text = path.read_text(encoding='utf-8', errors='replace')
        lines = [line for line in map(_parse, text.splitlines()) if line]
        if not lines or not isinstance(lines[0].get('settings'), dict):
            raise ValueError(
                f'{path} is no record of a conversion, or is damaged; choose '
                'another output folder, or delete that one'
            )
        self._check_settings(lines[0]['settings'])
        self._written = dict(lines[0].get('files') or {})
        return {line['scene']: line for line in lines[1:] if _is_record(line)}

    def _check_settings(self, there: Mapping[str, Any]) -> None:
        keys = [
            key
            for key in {**there, **self.settings}
            if there.get(key) != self.settings.get(key)
        ]
        if keys:
            raise ValueError(
                f'{self.root} holds a conversion with other settings:\n'
                f'  there: { {k: there.get(k) for k in keys} }\n'
                f'  asked: { {k: self.settings.get(k) for k in keys} }\n'
                'Choose another output folder, or delete that one'
            )

    def _check_origin(self, is_ours: bool) -> None:
        """A folder without a record must hold none of our names."""
        names = (SUMMARY, *_LISTS)
        found = [n for n in names if (self.root / n).exists()]
        found += self.foreign_files()
        if found and not is_ours:
            raise ValueError(
                f'{self.root} holds {found[0]}, which does not come from '
                'this converter; nothing is replaced. Choose another output '
                'folder'
            )
        for name, content in self.files.items():
            path = self.root / name
            if path.is_file() and _hash(path.read_bytes()) not in (
                _hash(content),
                self._written.get(name),
            ):
                raise ValueError(
                    f'{path} is not as this converter wrote it; nothing is '
                    'replaced. Move it away'
                )

    def _is_current(self, record: dict[str, Any]) -> bool:
        scene = self._scenes.get(record['scene'])
        if scene is None:
            return True
        if record.get('damage') and not self._allow_damaged:
            return False
        if record.get('asked') != scene.asked:
            return False
        pairs = (record['image'], scene.image), (record['label'], scene.label)
        return all(_is_same(origin, file) for origin, file in pairs)

    def start(self) -> None:
        """Start or resume the log of finished scenes.

        Tiles of scenes that no longer fit are removed.
        """
        self.root.mkdir(parents=True, exist_ok=True)
        for folder in FOLDERS:
            for part in (self.root / folder).glob('*/.*.part.png'):
                if _PART.fullmatch(part.name):
                    part.unlink()
        for record in self.outdated.values():
            for tile in record['tiles']:
                for path in tile_files(self.root, tile).values():
                    path.unlink(missing_ok=True)
        self.outdated = {}
        if self._scenes.keys() - self.records:
            (self.root / SUMMARY).unlink(missing_ok=True)
        lines = [self._header(self._written), *self.records.values()]
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
        hashes = {name: _hash(c) for name, c in self.files.items()}
        for name, content in self.files.items():
            with atomic_path(self.root / name) as part:
                part.write_bytes(content)
        with atomic_path(self.root / LOG) as part:
            lines = [self._header(hashes), *records]
            part.write_text(''.join(map(_line, lines)))
        with atomic_path(self.root / SUMMARY) as part:
            part.write_text(json.dumps(summary, indent=2) + '\n')
        for split, names in _names(records).items():
            with atomic_path(self.root / f'{split}.txt') as part:
                text = '\n'.join(sorted(names)) + '\n'
                part.write_text(text, encoding='utf-8')
        self._log.unlink(missing_ok=True)
        return summary

    def _header(self, files: Mapping[str, str]) -> dict[str, Any]:
        extra = {'files': dict(files)} if files else {}
        return {'settings': self.settings, **extra}

    def foreign_files(self) -> list[str]:
        """Image and label files in the folder that are in no record."""
        known = {
            path
            for record in self.records.values()
            for tile in record['tiles']
            for path in tile_files(self.root, tile).values()
        }
        found = {
            path
            for folder in FOLDERS
            for path in (self.root / folder).rglob('*')
            if path.is_file()
        }
        foreign = sorted(found - known)
        return [path.relative_to(self.root).as_posix() for path in foreign]


def _is_same(origin: dict[str, Any], file: SourceFile) -> bool:
    """Whether a source file is as it was; its new time is noted."""
    if (origin['file'], origin['bytes']) != (file.label, file.size):
        return False
    if origin['time'] != file.time:
        try:
            if _hash(file.read()) != origin['sha256']:
                return False
        except ValueError:
            return False  # reading it again names the fault
        origin['time'] = file.time
    return True


def _is_record(line: Mapping[str, Any]) -> bool:
    """Whether a line is a record, with plain names only."""
    try:
        names = [
            name
            for tile in line['tiles']
            for name in (tile['name'], tile['split'])
        ]
        hashes = [t[f]['sha256'] for t in line['tiles'] for f in FOLDERS]
        for kind in ('image', 'label'):
            hashes += [line[kind][key] for key in ('file', 'sha256')]
            _ = line[kind]['bytes'], line[kind].setdefault('time', None)
    except (KeyError, TypeError, AttributeError):
        return False
    plain = all(
        isinstance(n, str) and Path(n).name == n and '\\' not in n
        for n in names
    )
    return plain and isinstance(line['scene'], str) and None not in hashes


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


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _line(record: Mapping[str, Any]) -> str:
    return json.dumps(record, separators=(',', ':')) + '\n'


def _parse(line: str) -> dict[str, Any] | None:
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
