# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Trains and tests the rows of a table that have no result yet."""

import shlex
import subprocess
import sys
from argparse import ArgumentParser
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmengine.config import Config, DictAction
from runs import find_runs
from tables import Cell

from aeroseg.engine.launch import needs_training
from aeroseg.evaluation.run_identity import changed_options
from aeroseg.read_config import read_config


@dataclass(frozen=True)
class Launcher:
    """How the commands are started.

    Attributes:
        kind (str): 'none', 'pytorch' (torchrun) or 'slurm' (srun).
        processes (int): Processes of 'pytorch'.
        arguments (str): Further arguments of torchrun or srun, for example
            '--partition=gpu --ntasks=4 --gres=gpu:4'.

    Raises:
        ValueError: If the kind is unknown.
    """

    kind: str = 'none'
    processes: int = 1
    arguments: str = ''

    def __post_init__(self) -> None:
        if self.kind not in ('none', 'pytorch', 'slurm'):
            raise ValueError(
                f"the launcher is {self.kind!r}; allowed are 'none', "
                "'pytorch' and 'slurm'"
            )

    def command(self, tool: str, *arguments: str) -> list[str]:
        """The command that runs a tool of the checkout.

        Args:
            tool (str): 'tools/train.py' or 'tools/test.py'.
            *arguments (str): Its arguments.
        """
        extra = shlex.split(self.arguments)
        python = [sys.executable, '-u']
        if self.kind == 'pytorch':
            python = [
                *(sys.executable, '-m', 'torch.distributed.run'),
                *('--standalone', f'--nproc_per_node={self.processes}'),
                *extra,
            ]
        elif self.kind == 'slurm':
            python = ['srun', *extra, *python]
        return [*python, tool, *arguments, '--launcher', self.kind]


@dataclass(frozen=True)
class Job:
    """One cell with one seed.

    Attributes:
        cell (Cell): What to train and test.
        seed (int): Seed of training and test.
        work_dir (Path): Its own work dir.
        options (tuple[str, ...]): ``key=value`` changes of the config.
    """

    cell: Cell
    seed: int
    work_dir: Path
    options: tuple[str, ...] = field(default=())

    def checkpoint(self, root: Path) -> Path | None:
        """Where the checkpoint of the last iteration will be.

        None for a model that needs no training.

        Raises:
            FileNotFoundError: If there is no such config.
            ValueError: If the config does not train by iterations.
        """
        path = root / self.cell.config
        config = self.config(root)
        if config.get('model') and not needs_training(config):
            return None
        last = (config.get('train_cfg') or {}).get('max_iters')
        if last is None:
            raise ValueError(
                f'{path} does not say train_cfg.max_iters; rows are trained '
                'by iterations'
            )
        return self.work_dir / f'iter_{last}.pth'

    def config(self, root: Path) -> Config:
        """The config with the options.

        Raises:
            FileNotFoundError: If there is no such config.
        """
        path = root / self.cell.config
        if not path.is_file():
            raise FileNotFoundError(
                f'{self.cell.name}: there is no config {path}'
            )
        config = read_config(path)
        config.merge_from_dict(_parse(self.options))
        return config

    def is_done(self, root: Path) -> bool:
        """Whether a test result of the last checkpoint is there.

        Raises:
            ValueError: If the work dir has a result of other options.
        """
        if not self.work_dir.is_dir():
            return False
        weights = self.checkpoint(root)
        last = 'untrained' if weights is None else weights.stem
        wanted = changed_options(self.config(root))
        for group in find_runs([self.work_dir]).values():
            for run in group:
                found = run.record['protocol']['run'].get('options')
                if found is not None and found != wanted:
                    raise ValueError(
                        f'{self.work_dir} has a result with the options '
                        f'{found}, and {wanted} are asked for; name another '
                        'folder of work dirs'
                    )
                if run.checkpoint == last:
                    return True
        return False

    def commands(self, root: Path, launcher: Launcher) -> list[list[str]]:
        """What is left to be run: training, unless complete, and the test.

        Args:
            root (Path): Root of the checkout.
            launcher (Launcher): How to start the tools.
        """
        weights = self.checkpoint(root)
        shared = ['--work-dir', str(self.work_dir)]
        options = [f'randomness.seed={self.seed}', *self.options]
        config = self.cell.config
        commands = []
        if weights is not None and not weights.is_file():
            arguments = [
                config,
                *shared,
                '--resume',
                '--cfg-options',
                *options,
            ]
            commands.append(launcher.command('tools/train.py', *arguments))
        tested = [config] if weights is None else [config, str(weights)]
        arguments = [*tested, *shared, '--cfg-options', *options]
        commands.append(launcher.command('tools/test.py', *arguments))
        return commands


def plan(
    cells: Iterable[Cell],
    seeds: Sequence[int],
    work_dirs: Path,
    options: Sequence[str] = (),
) -> list[Job]:
    """A job for every cell and seed.

    Args:
        cells (Iterable[Cell]): What to run.
        seeds (Sequence[int]): A run for each of them.
        work_dirs (Path): Folder for ``<config>/seed_<seed>``.
        options (Sequence[str]): ``key=value`` changes of every config, after
            those of its row.

    Returns:
        list[Job]: All cells with the first seed, then with the next, so that
        a table can be read before all of them are done.
    """
    chosen = list(cells)
    return [
        Job(
            cell,
            seed,
            work_dirs.resolve() / Path(cell.config).stem / f'seed_{seed}',
            (*cell.options, *options),
        )
        for seed in seeds
        for cell in chosen
    ]


def run_job(job: Job, root: Path, launcher: Launcher) -> None:
    """Train and test; stop at the first command that fails.

    Run again after a failure, it resumes from the last checkpoint.

    Args:
        job (Job): What to run.
        root (Path): Root of the checkout, the working folder of the tools.
        launcher (Launcher): How to start the tools.

    Raises:
        ChildProcessError: If a command fails.
    """
    for command in job.commands(root, launcher):
        result = subprocess.run(command, cwd=root)
        if result.returncode:
            raise ChildProcessError(
                f'{job.cell.name}, seed {job.seed}: exit status '
                f'{result.returncode} of: {shlex.join(command)}. The log is '
                f'below {job.work_dir}; the same command resumes from the '
                'last checkpoint'
            )


def _parse(options: Iterable[str]) -> dict[str, Any]:
    """'key=value' strings as mmengine's DictAction reads them."""
    parser = ArgumentParser()
    parser.add_argument('--options', nargs='*', action=DictAction, default={})
    return parser.parse_args(['--options', *options]).options
