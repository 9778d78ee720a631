# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""A runner of mmengine that refuses what it would pass silently."""

import difflib
import os
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.logging import print_log
from mmengine.registry import OPTIMIZERS
from mmengine.runner import Runner
from torch import Tensor, nn

from aeroseg.checkpoints.fit import check_segmentor
from aeroseg.errors import remember_partners
from aeroseg.files import lock_folder
from aeroseg.models.segmentors import OpenVocabSegmentor, unwrapped

from .argument_types import wrong_types
from .calm_console import CalmRunner

# Layers whose size is the number of classes, in mmseg's closed-set heads.
_PER_CLASS = ('conv_seg', 'cls_embed', 'classifier')


def build_runner(
    config: Config, fine_tunes: bool = False, verbose: bool = False
) -> Runner:
    """Build everything a config names.

    Args:
        config (Config): The whole config.
        fine_tunes (bool): Whether `load_from` is only where training starts:
            then a closed-set model's last layer may be for other classes.
        verbose (bool): Print on the console all that is in the log file.

    Raises:
        ValueError: If a part cannot be built; the message names the config.
    """
    with building(config):
        runner = (Runner if verbose else CalmRunner).from_cfg(config)
    remember_partners()
    model = unwrapped(runner.model)
    if not isinstance(model, OpenVocabSegmentor):
        # The open-vocabulary systems do it by themselves.
        if fine_tunes:
            model.register_load_state_dict_pre_hook(_drop_other_classes)
        else:
            model.register_load_state_dict_pre_hook(check_segmentor)
    return runner


def train(runner: Runner, config: Config) -> None:
    """Build what mmengine builds only when training starts, and train.

    Args:
        runner (Runner): From :func:`build_runner`.
        config (Config): Its config.

    Raises:
        ValueError: If a part cannot be built.
    """
    # In the order of ``Runner.train``, which keeps what is built already.
    with building(config):
        runner.train_loop  # noqa: B018  (built when it is asked for)
        _check_optimizer(config)
        runner.optim_wrapper = runner.build_optim_wrapper(runner.optim_wrapper)
        if runner.param_schedulers is not None:
            runner.param_schedulers = runner.build_param_scheduler(
                runner.param_schedulers
            )
        if runner._val_loop is not None:
            runner._val_loop = runner.build_val_loop(runner._val_loop)
    runner.train()


def _check_optimizer(config: Config) -> None:
    """An unknown optimizer would become None in mmengine."""
    optimizer = (config.get('optim_wrapper') or {}).get('optimizer') or {}
    name = optimizer.get('type')
    if isinstance(name, str) and OPTIMIZERS.get(name) is None:
        near = difflib.get_close_matches(name, OPTIMIZERS.module_dict, 3)
        raise ValueError(
            f'optim_wrapper.optimizer.type is {name!r}, which is unknown; '
            f'known are {", ".join(near or ["AdamW", "SGD"])} and others'
        )


@contextmanager
def building(config: Config) -> Iterator[None]:
    """Turn what a faulty config raises into one sentence.

    Args:
        config (Config): The config that is built from.

    Raises:
        ValueError: If the block raises an error of another kind, because a
            type is unknown or an argument is missing, unknown or wrong.
    """
    try:
        yield
    except (KeyError, TypeError, AttributeError, AssertionError) as error:
        text = str(error.args[0] if error.args else error).partition('\n')[0]
        wrong = '; '.join(wrong_types(config))
        raise ValueError(
            f'{config.filename or "the config"} cannot be built: '
            f'{wrong or text} ({type(error).__name__}). Check the names and '
            'arguments in it and in --cfg-options; --debug shows where it '
            'failed'
        ) from error


@contextmanager
def work_dir_lock(work_dir: str | Path) -> Iterator[None]:
    """Hold the work dir for this run; the first rank does it for all.

    Raises:
        ValueError: If another run uses it.
    """
    first = os.environ.get('RANK', '0') == '0'
    with lock_folder(work_dir) if first else nullcontext():
        yield


def latest_checkpoint(work_dir: str | Path) -> Path | None:
    """The checkpoint to resume from.

    mmengine's `last_checkpoint` holds an absolute path; in a copied folder
    that is the original's. The file of that name next to it counts.

    Args:
        work_dir (str | Path): Folder of a run.

    Returns:
        Path | None: None if the run has written none.

    Raises:
        ValueError: If the file it names is not in the folder.
    """
    note = Path(work_dir) / 'last_checkpoint'
    if not note.is_file():
        return None
    text = note.read_bytes().decode('utf-8', 'backslashreplace').strip('\0 \n')
    named = Path(text)
    found = sorted(p.name for p in note.parent.glob('*.pth') if p.is_file())
    if named.name in found:
        return note.parent / named.name
    raise ValueError(
        f'{note} names {named.name!r}, which is not in {note.parent}; there '
        f'are {found or "no checkpoints"}. Name one: --resume CHECKPOINT, or '
        'delete last_checkpoint to train from the start'
    )


def _drop_other_classes(
    module: nn.Module, state_dict: MutableMapping[str, Tensor], *_: Any
) -> None:
    own = module.state_dict()
    other = [
        name
        for name, value in state_dict.items()
        if name in own
        and own[name].shape != value.shape
        and any(layer in name for layer in _PER_CLASS)
    ]
    for name in other:
        del state_dict[name]
    if other:
        print_log(
            f'{", ".join(other)} of load_from are for other classes and start '
            'from random values.',
            logger='current',
        )
    # What was dropped may be missing.
    check_segmentor(module, {**state_dict, **{n: own[n] for n in other}}, '')
