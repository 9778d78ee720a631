# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Faults in configs, options, data and work dirs of training and testing."""

import json
import os
import shutil
import socket
from collections.abc import Callable
from functools import partial
from pathlib import Path

from PIL import Image
from tool_process import Ended

from .cases_checkpoints import DATA, SHORT
from .fault import Fault

TRAIN = 'tools/train.py'
TEST = 'tools/test.py'
CONFIG = 'model/config.py'
RUN = (CONFIG, '--work-dir', 'work', '--cfg-options', *DATA, *SHORT)
SCORE = (CONFIG, 'model/tiny.pth', *RUN[1:])
# What a run may change: its work dir.
KEEPS = ('[!.]*.*', 'tiles/**/*', 'model/*')


def nothing(folder: Path) -> None:
    """The fault is in the command line."""


def train(
    name: str,
    says: str,
    *options: str,
    prepare: Callable[[Path], object] = nothing,
    **more: object,
) -> Fault:
    """A fault in a short training."""
    return Fault(
        name, TRAIN, (*RUN, *options), prepare, says, keeps=KEEPS, **more
    )


def score(
    name: str,
    says: str,
    *options: str,
    prepare: Callable[[Path], object] = nothing,
) -> Fault:
    """A fault in a test."""
    return Fault(name, TEST, (*SCORE, *options), prepare, says, keeps=KEEPS)


def config(name: str, says: str, prepare: Callable) -> list[Fault]:
    """A faulty config, for both tools."""
    return [
        Fault(f'config: {name}', tool, words, prepare, says, keeps=KEEPS)
        for tool, words in ((TRAIN, RUN), (TEST, SCORE))
    ]


def _text(content: str, folder: Path) -> None:
    (folder / CONFIG).write_text(content)


def _add(content: str, folder: Path) -> None:
    with (folder / CONFIG).open('a') as file:
        file.write(f'\n{content}\n')


def _replace(old: str, new: str, folder: Path) -> None:
    path = folder / CONFIG
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def _no_config(folder: Path) -> None:
    (folder / CONFIG).unlink()


def _config_folder(folder: Path) -> None:
    _no_config(folder)
    (folder / CONFIG).mkdir()


def _config_bytes(folder: Path) -> None:
    (folder / CONFIG).write_bytes(bytes(range(256)))


def _image(kind: str = 'img', split: str = 'train') -> str:
    return f'tiles/{kind}_dir/{split}/1.png'


def _cut(path: str, folder: Path) -> None:
    whole = (folder / path).read_bytes()
    (folder / path).write_bytes(whole[: len(whole) // 2])


def _write(path: str, content: bytes, folder: Path) -> None:
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    (folder / path).write_bytes(content)


def _remove(path: str, folder: Path) -> None:
    if (folder / path).is_dir():
        shutil.rmtree(folder / path)
    else:
        (folder / path).unlink()


def _smaller(path: str, folder: Path) -> None:
    with Image.open(folder / path) as image:
        image.resize((40, 40), Image.Resampling.NEAREST).save(folder / path)


def _fill(path: str, value: int, folder: Path) -> None:
    for file in (folder / path).parent.glob('*.png'):
        Image.new('L', (80, 80), value).save(file)


def _colours(path: str, folder: Path) -> None:
    Image.new('RGB', (80, 80), (30, 200, 7)).save(folder / path)


def _empty(path: str, folder: Path) -> None:
    for file in (folder / path).iterdir():
        file.unlink()


def _in_use(folder: Path) -> None:
    boot = Path('/proc/sys/kernel/random/boot_id')
    stat = Path(f'/proc/{os.getpid()}/stat').read_text()
    owner = {
        'host': socket.gethostname(),
        'boot': boot.read_text().strip() if boot.is_file() else '',
        'pid': os.getpid(),
        'start': stat.rpartition(')')[2].split()[19],
    }
    lock = json.dumps(owner).encode()
    _write('work/.aeroseg.lock', lock, folder)


def _note(text: bytes, folder: Path) -> None:
    _write('work/last_checkpoint', text, folder)


def _named(path: str, tool: str = TRAIN) -> tuple[str, ...]:
    words = SCORE if tool == TEST else RUN
    return tuple(path if word == 'work' else word for word in words)


def work_dir(name: str, path: str, prepare: Callable = nothing) -> list[Fault]:
    """A work dir that cannot be, for both tools."""
    return [
        Fault(
            f'work dir: {name}', tool, _named(path, tool), prepare,
            path[:20], keeps=KEEPS,
        )
        for tool in (TRAIN, TEST)
    ]  # fmt: skip


def _keeps_the_last(folder: Path, end: Ended) -> None:
    assert (folder / 'work/iter_2.pth').is_file()


def _names_the_label(folder: Path, end: Ended) -> None:
    told = end.out + end.err
    assert '1 of 4 labels in tiles/ann_dir/train have no image' in told


def _resumed(name: str, says: str, note: bytes) -> Fault:
    return Fault(
        f'last_checkpoint: {name}', TRAIN, (*RUN[:3], '--resume', *RUN[3:]),
        partial(_note, note), says, keeps=KEEPS,
    )  # fmt: skip


_CONFIGS = [
    *config('missing', 'there is no config', _no_config),
    *config('a folder', 'config', _config_folder),
    *config('empty', 'has no|config', partial(_text, '')),
    *config('not Python', 'is not a config', partial(_text, 'Dear all,\n')),
    *config('syntax error', 'is not a config', partial(_add, 'model = (')),
    *config('bytes', 'is not a config', _config_bytes),
    *config('an error in it', 'is not a config|nam', partial(_add, 'a = b')),
    *config('no model', 'model', partial(_text, 'train_cfg = dict()\n')),
    *config('model is a list', 'model', partial(_add, 'model = [1]')),
    *config('unknown model', 'AerOSegg',
            partial(_replace, "type='AerOSeg'", "type='AerOSegg'")),
    *config('unknown neck', 'Nekk',
            partial(_replace, "type='CorrelationNeck'", "type='Nekk'")),
    *config('unknown argument', 'colour',
            partial(_replace, "type='CorrelationNeck'",
                    "colour=1, type='CorrelationNeck'")),
    *config('wrong value', 'num_heads|embed_dims|window',
            partial(_replace, 'embed_dims=32', "embed_dims='a lot'")),
    *config('missing base', 'is not a config|no such file',
            partial(_text, "_base_ = ['nowhere.py']\n")),
    *config('base of a missing package', 'is not a config',
            partial(_text, "_base_ = 'nowhere::a.py'\n")),
    *config('unknown dataset', 'Moon',
            partial(_add, "train_dataloader = dict(dataset=dict(type='Moon'))"
                    "\ntest_dataloader = train_dataloader")),
    *config('unknown import', 'nowhere',
            partial(_replace, "'aeroseg'", "'nowhere'")),
    *config('its vocabulary is empty', 'vocabulary|class|name',
            partial(_add, "model['vocabulary'] = dict(names=[])")),
]  # fmt: skip
_OPTIONS = [
    train('option: mistyped section', 'did you mean train_cfg',
          'train_cfgg.max_iters=4'),
    train('option: mistyped key', 'did you mean train_cfg.max_iters',
          'train_cfg.max_iter=4'),
    train('option: mistyped in the dataset', 'data_root',
          'train_dataloader.dataset.data_rot=tiles'),
    train('option: index too large', "no key '99'",
          'custom_hooks.99.sample=0'),
    train('option: no value', 'KEY=VALUE|key=value|max_iters',
          'train_cfg.max_iters'),
    train('option: below a number', 'which has no',
          'train_cfg.max_iters.all=4'),
    train('option: text for a number', 'max_iters|many',
          'train_cfg.max_iters=many'),
    train('option: negative iterations', 'max_iters',
          'train_cfg.max_iters=-3'),
    train('option: no iterations', 'max_iters', 'train_cfg.max_iters=0'),
    train('option: batch of nothing', 'batch_size',
          'train_dataloader.batch_size=0'),
    train('option: negative batch', 'batch_size',
          'train_dataloader.batch_size=-2'),
    train('option: text for the batch', 'batch_size',
          'train_dataloader.batch_size=big'),
    train('option: negative workers', 'num_workers',
          'train_dataloader.num_workers=-1'),
    train('option: unknown optimizer', 'Adamm',
          'optim_wrapper.optimizer.type=Adamm'),
    train('option: learning rate is NaN', 'lr|nan|AdamW',
          'optim_wrapper.optimizer.lr=nan'),
    train('option: learning rate is far too high', 'loss|not finite|nan',
          'optim_wrapper.optimizer.lr=1e30', 'train_cfg.max_iters=8'),
    train('option: unknown hook', 'NoHook',
          "custom_hooks.0.type=NoHook"),
    train('option: unknown loop', 'MoonLoop', 'train_cfg.type=MoonLoop'),
    train('option: checkpoints every 0 steps', 'interval',
          'default_hooks.checkpoint.interval=0', done=_keeps_the_last),
    train('option: unknown argument of the model', 'neckk',
          'model.neckk.type=CorrelationNeck'),
    score('option: mistyped key', 'did you mean test_dataloader',
          'tst_dataloader.batch_size=1'),
    score('option: unknown evaluator', 'NoMetric',
          'test_evaluator.type=NoMetric'),
    score('option: negative workers', 'num_workers',
          'test_dataloader.num_workers=-1'),
    Fault('--memory: no such preset', TRAIN, (*RUN[:3], '--memory', '3gb',
          *RUN[3:]), nothing, '3gb', keeps=KEEPS),
    Fault('--seed: text', TRAIN, (*RUN[:3], '--seed', 'x', *RUN[3:]),
          nothing, '[Ss]eed', keeps=KEEPS),
    Fault('--seed: negative', TRAIN, (*RUN[:3], '--seed', '-1', *RUN[3:]),
          nothing, '[Ss]eed', keeps=KEEPS),
    Fault('--launcher: unknown', TRAIN, (*RUN[:3], '--launcher', 'x',
          *RUN[3:]), nothing, 'launcher', keeps=KEEPS),
    Fault('--launcher: nobody launched', TRAIN, (*RUN[:3], '--launcher',
          'pytorch', *RUN[3:]), nothing, 'launcher|RANK|dist_train',
          keeps=KEEPS),
    Fault('no arguments', TRAIN, (), nothing, 'config'),
    Fault('no checkpoint', TEST, RUN, nothing, 'checkpoint', keeps=KEEPS),
    Fault('--show-every: 0', TEST, (*SCORE[:4], '--show-dir', 'shown',
          '--show-every', '0', *SCORE[4:]), nothing, 'show-every',
          keeps=KEEPS),
    Fault('--out: below a file', TEST, (*SCORE[:4], '--out',
          'names.txt/a.json', *SCORE[4:]), nothing, 'names.txt', keeps=KEEPS),
]  # fmt: skip
_DATA = [
    train('data: no such folder', 'nowhere',
          'train_dataloader.dataset.data_root=nowhere'),
    train('data: a file for the folder', 'names.txt',
          'train_dataloader.dataset.data_root=names.txt'),
    train('data: no images', 'img_dir',
          prepare=partial(_empty, 'tiles/img_dir/train')),
    train('data: no labels', 'ann_dir',
          prepare=partial(_empty, 'tiles/ann_dir/train')),
    train('data: one label is missing', r'1\.png',
          prepare=partial(_remove, _image('ann'))),
    train('data: one image is missing', r'1\.png',
          prepare=partial(_remove, _image()), done=_names_the_label),
    train('data: no validation images', 'val',
          prepare=partial(_remove, 'tiles/img_dir/val')),
    train('data: an image is cut', r'1\.png',
          prepare=partial(_cut, _image())),
    train('data: a label is cut', r'1\.png',
          prepare=partial(_cut, _image('ann'))),
    train('data: an image is text', r'1\.png',
          prepare=partial(_write, _image(), b'no picture')),
    train('data: an image is empty', r'1\.png',
          prepare=partial(_write, _image(), b'')),
    train('data: a label of another size', r'1\.png',
          prepare=partial(_smaller, _image('ann'))),
    train('data: a label in colours', r'1\.png',
          prepare=partial(_colours, _image('ann'))),
    train('data: labels beyond the classes', '77',
          prepare=partial(_fill, _image('ann'), 77)),
    train('data: nothing is labelled', '255|ignored|label',
          prepare=partial(_fill, _image('ann'), 255)),
    score('data: no such folder', 'nowhere',
          'test_dataloader.dataset.data_root=nowhere'),
    score('data: an image is cut', r'1\.png',
          prepare=partial(_cut, _image('img', 'val'))),
    score('data: a label is cut', r'1\.png',
          prepare=partial(_cut, _image('ann', 'val'))),
    score('data: a label of another size', r'1\.png',
          prepare=partial(_smaller, _image('ann', 'val'))),
    score('data: labels beyond the classes', '77',
          prepare=partial(_fill, _image('ann', 'val'), 77)),
    score('data: nothing is labelled', '255|ignored|label',
          prepare=partial(_fill, _image('ann', 'val'), 255)),
]  # fmt: skip
_WORK_DIRS = [
    *work_dir('a file', 'names.txt'),
    *work_dir('below a file', 'names.txt/work'),
    *work_dir('/proc', '/proc/work'),
    *work_dir('a name too long', 'w' * 300),
    Fault('work dir: in use', TRAIN, RUN, _in_use, 'in use', keeps=KEEPS),
    _resumed('of a missing file', r'iter_9\.pth', b'/gone/iter_9.pth'),
    _resumed('empty', 'last_checkpoint', b''),
    _resumed('bytes', 'last_checkpoint', bytes(range(128, 256))),
    train('full disk from the start', 'large|space|full',
          limits={'file_size': 2000}),
    train('full disk at the checkpoint', 'large|space|full',
          limits={'file_size': 100_000}),
]  # fmt: skip

CASES = [*_CONFIGS, *_OPTIONS, *_DATA, *_WORK_DIRS]
