# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Finds the results of test runs below a folder."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aeroseg.evaluation.result_file import read_result

Runs = dict[str, list['Run']]


@dataclass(frozen=True)
class Run:
    """One trained and tested model.

    Attributes:
        config (str): Name of its config, without folder and ending.
        folder (Path): Its work dir; one run each.
        checkpoint (str): Name of the tested checkpoint, without ending.
        record (Mapping[str, Any]): The result file.
    """

    config: str
    folder: Path
    checkpoint: str
    record: Mapping[str, Any]

    @property
    def scores(self) -> Mapping[str, float | None]:
        """Means in percent by name."""
        return _part(self.record, 'summary')

    @property
    def seed(self) -> int | None:
        """Seed of the run, where it is known."""
        return _part(self.record, 'protocol', 'run').get('seed')

    @property
    def mode(self) -> str:
        """Inference mode: 'whole', 'slide' or 'slide_global'."""
        settings = _part(self.record, 'protocol', 'model', 'test_cfg')
        return settings.get('mode', 'whole')

    @property
    def identity(self) -> Mapping[str, str]:
        """What may tell it from other runs of its config, the seed aside.

        Options of training and test that differ from the config, settings of
        the dataset's converter, processes and images per step of training.
        Empty where the result does not say.
        """
        protocol = self.record['protocol']
        training = protocol.get('training') or {}
        settings = (protocol.get('dataset') or {}).get('settings') or {}
        values = {
            'options of training': training.get('options'),
            'options of the test': protocol['run'].get('options'),
            'processes': training.get('processes'),
            'batch': training.get('batch'),
            'data': {k: settings[k] for k in sorted(settings)},
        }
        return {key: f'{value}' for key, value in values.items() if value}

    @property
    def costs(self) -> tuple[float | None, float | None, float | None]:
        """What the run cost; None where the result does not say.

        Millions of trained parameters, CPU seconds of the training (without
        the workers that load data), seconds per image of the test.
        """
        protocol = self.record['protocol']
        training = protocol.get('training') or {}
        untrained = 0 if self.checkpoint == 'untrained' else None
        trained = training.get('trained_parameters', untrained)
        return (
            None if trained is None else trained / 1e6,
            training.get('cpu_seconds', untrained),
            protocol.get('seconds_per_image'),
        )

    @property
    def commit(self) -> str | None:
        """Commit of the code that tested it."""
        return _part(self.record, 'protocol', 'code').get('commit')


def find_runs(
    folders: Sequence[str | Path],
    checkpoint: str = 'last',
    mode: str | None = None,
) -> Runs:
    """Read the test results in work dirs.

    A run is a work dir. Of several results of one run the last (or best)
    checkpoint counts, and of that the newest result.

    Args:
        folders (Sequence[str | Path]): Work dirs or folders above them.
        checkpoint (str): 'last': checkpoints by iteration, the highest;
            'best': those that CheckpointHook saved as best.
        mode (str, optional): Only results of this inference mode.

    Returns:
        dict[str, list[Run]]: Runs by config name, sorted by folder.

    Raises:
        FileNotFoundError: If a folder is missing.
        ValueError: If `checkpoint` is something else, or runs of one config
            differ in more than the seed.
    """
    if checkpoint not in ('last', 'best'):
        raise ValueError(
            f"checkpoint={checkpoint!r}; allowed are 'last' and 'best'"
        )
    found: dict[tuple[str, Path], list[tuple[int, float, Run]]]
    found = defaultdict(list)
    for folder in map(Path, folders):
        if not folder.is_dir():
            raise FileNotFoundError(
                f'no folder {folder}; name work dirs of tools/test.py or a '
                'folder above them'
            )
        for path in sorted(folder.rglob('test_*.json')):
            run = _read(path)
            best = run.checkpoint.startswith('best_')
            if best == (checkpoint == 'best') and mode in (None, run.mode):
                rank = (_iteration(run.checkpoint), path.stat().st_mtime)
                found[run.config, run.folder].append((*rank, run))
    runs: Runs = defaultdict(list)
    for (config, _), results in sorted(found.items()):
        runs[config].append(max(results, key=lambda r: r[:2])[2])
    for group in runs.values():
        _check_identity(group)
    return dict(runs)


def _part(record: Mapping[str, Any], *keys: str) -> Mapping[str, Any]:
    """An inner mapping; empty where it is missing."""
    for key in keys:
        record = record.get(key) or {}
        if not isinstance(record, Mapping):
            raise TypeError(f'{key} is {record!r}, expected entries by name')
    return record


def _check_identity(runs: Sequence[Run]) -> None:
    """Refuse to take runs of different settings for one.

    Raises:
        ValueError: If two runs of a config differ in more than the seed.
    """
    first = runs[0]
    for run in runs[1:]:
        if run.identity != first.identity:
            keys = [
                key
                for key in {**first.identity, **run.identity}
                if first.identity.get(key) != run.identity.get(key)
            ]
            raise ValueError(
                f'{first.folder} and {run.folder} are runs of {run.config} '
                f'with different {", ".join(keys)}, so their scores are not '
                'averaged; name the work dirs of one kind'
            )


def _read(path: Path) -> Run:
    record = read_result(path)
    try:
        config = _part(record, 'protocol', 'run').get('config')
        _part(record, 'protocol', 'model', 'test_cfg')
        _part(record, 'protocol', 'code')
        scores = _part(record, 'summary').values()
        _ = [float(score) for score in scores if score is not None]
    except (TypeError, ValueError) as error:
        raise ValueError(
            f'{path} is not as tools/test.py writes it ({error}); delete it, '
            'or test again'
        ) from error
    if config is None:
        raise ValueError(
            f'{path} does not say which config it belongs to; results of '
            'tools/test.py do'
        )
    # <work dir>/<time>/test_<checkpoint>.json
    return Run(
        config=Path(config).stem,
        folder=path.resolve().parents[1],
        checkpoint=path.stem.removeprefix('test_'),
        record=record,
    )


def _iteration(checkpoint: str) -> int:
    number = checkpoint.rsplit('_', 1)[-1]
    return int(number) if number.isdigit() else -1
