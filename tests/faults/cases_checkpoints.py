# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Faulty checkpoints, given to every tool that reads one."""

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from .checkpoint_kinds import KINDS, SAFETENSORS
from .fault import Fault

GOOD = Path('model/tiny.pth')
OTHER = GOOD.with_suffix('.safetensors')
DATA = tuple(
    f'{loader}_dataloader.dataset.data_root=tiles'
    for loader in ('train', 'val', 'test')
)
SHORT = (
    'train_cfg.max_iters=2',
    'train_cfg.val_interval=2',
    'param_scheduler.T_max=2',
    'default_hooks.checkpoint.interval=1',
)
WORK = ('--work-dir', 'work', '--cfg-options', *DATA, *SHORT)
_RESUMED = (
    'missing', 'a folder', 'empty', 'text', 'cut in half', 'a flipped bit',
    'a NaN', 'a list', 'no weights', 'code in a pickle', 'another network',
    'half of the weights',
)  # fmt: skip
_STARTED = ('missing', 'cut in half', 'a NaN', 'a tensor', 'another network')
_TESTED = (*_RESUMED, 'a weight of another shape', 'an infinity', 'a tensor',
           'a symlink loop', 'the format before torch 1.6, cut')  # fmt: skip
# A converter refuses a good file of ours as well: it is none of theirs.
_CONVERTED = [
    kind for kind in KINDS
    if kind not in ('half of the weights', 'a weight of another shape')
]  # fmt: skip


def predict(path: Path) -> tuple[str, ...]:
    """Map a scene with a checkpoint."""
    words = ('--classes', 'road; tree', '--out', 'out')
    return 'scene.tif', '--checkpoint', str(path), *words


def test(path: Path) -> tuple[str, ...]:
    """Score a checkpoint."""
    return 'model/config.py', str(path), *WORK


def resume(path: Path) -> tuple[str, ...]:
    """Resume training from a checkpoint."""
    return 'model/config.py', '--resume', str(path), *WORK


def start(path: Path) -> tuple[str, ...]:
    """Start training from a checkpoint's weights."""
    return 'model/config.py', *WORK, f'load_from={path}'


def catseg(path: Path) -> tuple[str, ...]:
    """Convert a checkpoint of detectron2."""
    return str(path), 'converted.pth'


def sam2(path: Path) -> tuple[str, ...]:
    """Convert a checkpoint of SAM 2."""
    return str(path), 'converted.safetensors'


COMMANDS: dict[str, tuple[str, Callable[[Path], tuple[str, ...]]]] = {
    'checkpoint': ('tools/predict.py', predict),
    'checkpoint to score': ('tools/test.py', test),
    'checkpoint to resume from': ('tools/train.py', resume),
    'load_from': ('tools/train.py', start),
    'published checkpoint': (
        'tools/model_converters/catseg_to_aeroseg.py',
        catseg,
    ),
    'official checkpoint': ('tools/model_converters/sam2_to_timm.py', sam2),
}


def _made(damage: Callable[[Path], object], path: Path) -> Callable:
    def prepare(folder: Path) -> None:
        if path != GOOD:
            shutil.copy(folder / GOOD, folder / path)
        damage(folder / path)

    return prepare


def _given(
    what: str,
    kinds: Mapping[str, tuple[Callable[[Path], object], str]],
    path: Path = GOOD,
) -> list[Fault]:
    tool, command = COMMANDS[what]
    return [
        Fault(
            f'{what}: {kind}',
            tool,
            command(path),
            _made(damage, path),
            says,
            keeps=('[!.]*/**/*', '*.*'),
        )
        for kind, (damage, says) in kinds.items()
    ]


def _some(names: tuple[str, ...] | list[str]) -> dict:
    return {name: KINDS[name] for name in names}


def _named(what: str, name: str, path: str, says: str) -> Fault:
    tool, command = COMMANDS[what]
    return Fault(
        f'{what}: {name}', tool, command(Path(path)), lambda folder: None, says
    )


def _odd_paths(what: str) -> list[Fault]:
    return [
        _named(what, 'a name too long', 'n' * 300 + '.pth', 'too long'),
        _named(what, 'a device', '/dev/null', 'no checkpoint'),
        _named(what, 'below a file', 'names.txt/a.pth', 'no checkpoint'),
        _named(what, 'not UTF-8', 'caf\udce9.pth', 'no checkpoint'),
    ]


CASES = [
    *_given('checkpoint', KINDS),
    *_given('checkpoint', SAFETENSORS, OTHER),
    *_odd_paths('checkpoint'),
    *_given('checkpoint to score', _some(_TESTED)),
    *_odd_paths('checkpoint to score'),
    *_given('checkpoint to resume from', _some(_RESUMED)),
    *_odd_paths('checkpoint to resume from'),
    *_given('load_from', _some(_STARTED)),
    *_given('published checkpoint', _some(_CONVERTED)),
    *_given('published checkpoint', SAFETENSORS, OTHER),
    *_odd_paths('published checkpoint'),
    *_given('official checkpoint', _some(_RESUMED[:-1])),
    Fault(
        'target: a folder', 'tools/model_converters/catseg_to_aeroseg.py',
        ('model/tiny.pth', 'tiles'), lambda folder: None, '.',
    ),
    Fault(
        'target: wrong suffix', 'tools/model_converters/sam2_to_timm.py',
        ('model/tiny.pth', 'out.pth'), lambda folder: None, 'safetensors',
    ),
    Fault(
        'a checkpoint of ours', 'tools/model_converters/sam2_to_timm.py',
        sam2(GOOD), lambda folder: None, 'SAM 2|sam2',
    ),
    Fault(
        'a checkpoint of ours', 'tools/model_converters/catseg_to_aeroseg.py',
        catseg(GOOD), lambda folder: None, 'CAT-Seg|published',
    ),
]  # fmt: skip
