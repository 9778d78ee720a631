# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Checkpoints that are damaged, of another kind, or not there."""

import io
import os
import shutil
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

# What a tool must say of a file that is no archive of tensors.
DAMAGED = r'is not a checkpoint|is damaged|cut off'


class _Payload:
    """Unpickled, it would leave a file behind."""

    def __reduce__(self) -> tuple:
        return os.system, ('touch executed',)


def _write(content: bytes, path: Path) -> None:
    path.write_bytes(content)


def _cut(keep: float, path: Path) -> None:
    whole = path.read_bytes()
    end = int(keep * len(whole)) if keep > 0 else len(whole) - 1
    path.write_bytes(whole[:end])


def _flip(places: tuple[float, ...], path: Path) -> None:
    content = bytearray(path.read_bytes())
    for place in places:
        content[int(place * len(content))] ^= 0x40
    path.write_bytes(content)


def _zeros(path: Path) -> None:
    size = path.stat().st_size
    with path.open('r+b') as file:
        file.seek(size // 2)
        file.write(bytes(size // 8))


def _number(value: float, path: Path) -> None:
    content = torch.load(path)
    weights = list(content['state_dict'].values())
    # The last of the last: a check of the first tensor would not see it.
    last = next(w for w in reversed(weights) if w.is_floating_point())
    last.view(-1)[-1] = value
    torch.save(content, path)


def _save(content: Any, path: Path) -> None:
    torch.save(content, path)


def _change(change: Callable[[dict], object], path: Path) -> None:
    content = torch.load(path)
    change(content['state_dict'])
    torch.save(content, path)


def _drop_half(state: dict) -> None:
    for name in list(state)[::2]:
        del state[name]


def _reshape(state: dict) -> None:
    name = next(n for n, v in state.items() if v.ndim > 1)
    state[name] = torch.zeros(3, 3)


def _legacy(keep: float, path: Path) -> None:
    content = torch.load(path)
    torch.save(content, path, _use_new_zipfile_serialization=False)
    _cut(keep, path)


def _safetensors(damage: Callable[[bytes], bytes], path: Path) -> None:
    """Under its own suffix, with a link of the name that is asked for."""
    held = path.with_suffix('.tmp')
    save_file({'a': torch.zeros(64, 64)}, held)
    path.write_bytes(damage(held.read_bytes()))
    held.unlink()


def _zip(path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, 'w') as archive:
        archive.writestr('holiday.txt', 'sun')
    path.write_bytes(buffer.getvalue())


def _loop(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.name)


def _link_to_nothing(path: Path) -> None:
    path.unlink()
    path.symlink_to('gone.pth')


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _picture(path: Path) -> None:
    shutil.copy(path.parents[1] / 'picture.png', path)


_NONE = 'no checkpoint'
# Name: how to make it of a good file, and what must be said.
KINDS: dict[str, tuple[Callable[[Path], object], str]] = {
    'missing': (Path.unlink, _NONE),
    'a folder': (_folder, _NONE),
    'a pipe': (_pipe, _NONE),
    'a symlink loop': (_loop, f'{_NONE}|symbolic links'),
    'a link to nothing': (_link_to_nothing, _NONE),
    'empty': (partial(_write, b''), DAMAGED),
    'text': (partial(_write, b'weights, as promised\n'), DAMAGED),
    'an error page': (partial(_write, b'<html>404</html>'), DAMAGED),
    'a picture': (_picture, DAMAGED),
    'another zip': (_zip, DAMAGED),
    'cut after a tenth': (partial(_cut, 0.1), DAMAGED),
    'cut in half': (partial(_cut, 0.5), DAMAGED),
    'cut near the end': (partial(_cut, 0.99), DAMAGED),
    'the last byte is missing': (partial(_cut, 0), DAMAGED),
    'a flipped bit': (partial(_flip, (0.5,)), DAMAGED),
    'flipped bits': (partial(_flip, (0.2, 0.7, 0.9)), DAMAGED),
    'zeroed in the middle': (_zeros, DAMAGED),
    'a NaN': (partial(_number, float('nan')), 'not finite'),
    'an infinity': (partial(_number, float('inf')), 'not finite'),
    'a negative infinity': (partial(_number, float('-inf')), 'not finite'),
    'a list': (partial(_save, [torch.zeros(3)]), 'holds a list'),
    'a tensor': (partial(_save, torch.zeros(3)), 'holds a Tensor'),
    'a number': (partial(_save, 3), 'holds a int'),
    'no weights': (partial(_save, {'epoch': 3}), 'no tensors'),
    'an empty state': (partial(_save, {'state_dict': {}}), 'no tensors'),
    'a state that is a list': (
        partial(_save, {'state_dict': [torch.zeros(2)]}),
        'no tensors',
    ),
    'code in a pickle': (
        partial(_save, {'state_dict': {'a': torch.zeros(2)}, 'x': _Payload()}),
        'not unpickled',
    ),
    'a whole model': (partial(_save, torch.nn.Linear(2, 2)), 'not unpickled'),
    'the format before torch 1.6, cut': (partial(_legacy, 0.6), DAMAGED),
    'another network': (
        partial(_save, torch.nn.Linear(2, 2).state_dict()),
        'does not fit|is not|is no tensor|no .*tensors|missing|holds no',
    ),
    'half of the weights': (
        partial(_change, _drop_half),
        'missing|does not fit|is not|are not',
    ),
    'a weight of another shape': (
        partial(_change, _reshape),
        r'is \(3, 3\)|does not fit|is not|are not',
    ),
    'safetensors under .pth': (
        partial(_safetensors, lambda data: data),
        DAMAGED,
    ),
}


def _long(size: int) -> Callable[[bytes], bytes]:
    return lambda data: size.to_bytes(8, 'little') + data[8:]


# With the suffix .safetensors.
SAFETENSORS: dict[str, tuple[Callable[[Path], object], str]] = {
    'safetensors with a long header': (
        partial(_safetensors, _long(2**40)),
        DAMAGED,
    ),
    'safetensors with a header of zero bytes': (
        partial(_safetensors, _long(0)),
        DAMAGED,
    ),
    'safetensors, its header overwritten': (
        partial(_safetensors, lambda data: data[:8] + b'x' * 20 + data[28:]),
        DAMAGED,
    ),
    'safetensors, cut': (
        partial(_safetensors, lambda data: data[:-100]),
        DAMAGED,
    ),
    'safetensors, empty': (partial(_safetensors, lambda _: b''), DAMAGED),
    'a .pth under .safetensors': (lambda path: None, DAMAGED),
}
