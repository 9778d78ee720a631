# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Faults in what the converters are given and find."""

import json
import os
import shutil
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image
from tool_process import Ended, ToolRun

from aeroseg.files.folder_lock import LOCK, _identity

from . import damage
from .fault import Fault


class Tool(NamedTuple):
    """A converter with a good command and one of its pairs."""

    path: str
    source: str
    image: str
    label: str
    options: tuple[str, ...]
    first: tuple[str, ...] = ()

    def command(self, *words: str) -> tuple[str, ...]:
        """The good command, with changes."""
        return (
            *(*self.first, self.source, 'out', '--workers', '1'),
            *(*self.options, *words),
        )


def _tool(name: str, source: str, image: str, label: str, *words: str) -> Tool:
    return Tool(f'tools/dataset_converters/{name}.py', source, image, label, words)  # fmt: skip  # noqa: E501


TOOLS = {
    'isaid': _tool(
        'isaid', 'isaid', 'isaid/train/images/P0000.png',
        'isaid/train/images/P0000_instance_color_RGB.png',
        '--min-pixels', '100',
    ),
    'dlrsd': _tool(
        'dlrsd', 'dlrsd', 'dlrsd/Images/airplane/airplane03.tif',
        'dlrsd/Labels/airplane/airplane03.png',
    ),
    'openearthmap': _tool(
        'openearthmap', 'openearthmap',
        'openearthmap/aachen/images/aachen_1.tif',
        'openearthmap/aachen/labels/aachen_1.tif', '--size', '64',
    ),
    'folder': _tool(
        'folder', 'own', 'own/Tile 1/images/part_1.jpg',
        'own/Tile 1/masks/part_1.png', '--names', 'own/names.txt',
        '--masks', 'colours', '--ignore-colours', '#9B9B9B', '--size', '32',
    ),
}  # fmt: skip
FOLDER = TOOLS['folder']
CROSS = Tool(
    'tools/dataset_converters/cross.py',
    'loveda',
    'loveda/Val/Rural/images_png/2522.png',
    'loveda/Val/Rural/masks_png/2522.png',
    (),
    ('loveda',),
)


def nothing(folder: Path) -> None:
    """The fault is in the command line."""


def runs(tool: Tool, *words: str, out: str = 'out') -> Callable[[Path], Ended]:
    """A run that ends well, into `out`."""

    def run(folder: Path) -> Ended:
        command = [out if w == 'out' else w for w in tool.command(*words)]
        end = ToolRun(tool.path, command, folder).wait()
        assert end.status == 0, end
        for log in folder.glob('.std*.log'):
            log.unlink()
        return end

    return run


def first(tool: Tool, change: Callable[[Path], object]) -> Callable:
    """A good first run, then a change."""

    def prepare(folder: Path) -> None:
        runs(tool)(folder)
        change(folder)

    return prepare


def as_fresh(tool: Tool, *words: str) -> Callable[[Path, Ended], None]:
    """The result must be that of a run into an empty folder."""

    def check(folder: Path, end: Ended) -> None:
        del end
        runs(tool, *words, out='fresh')(folder)
        assert tree(folder / 'out') == tree(folder / 'fresh')

    return check


def tree(root: Path) -> Mapping[str, bytes]:
    """All files below a folder."""
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in root.rglob('*')
        if path.is_file()
    }


def reports(words: str) -> Callable[[Path, Ended], None]:
    """The run must name what it found."""

    def check(folder: Path, end: Ended) -> None:
        assert words in end.out
        assert (folder / 'out/manifest.json').is_file()

    return check


def write(path: str, content: str | bytes = 'mine') -> Callable[[Path], None]:
    """A file of the user."""

    def prepare(folder: Path) -> None:
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        data = content.encode() if isinstance(content, str) else content
        target.write_bytes(data)

    return prepare


def on(path: str, change: damage.Damage) -> Callable[[Path], object]:
    """A change of one file."""
    return lambda folder: change(folder / path)


def copy(source: str, target: str) -> Callable[[Path], None]:
    """Copy a file or folder."""

    def prepare(folder: Path) -> None:
        (folder / target).parent.mkdir(parents=True, exist_ok=True)
        if (folder / source).is_dir():
            shutil.copytree(folder / source, folder / target)
        else:
            shutil.copy(folder / source, folder / target)

    return prepare


def locked(folder: Path) -> None:
    """Another process, this one, holds the folder."""
    owner = {**_identity(os.getpid()), 'time': 'now', 'command': 'test'}
    write(f'out/{LOCK}', json.dumps(owner))(folder)


def blank(path: Path) -> None:
    """The upper half of an image is white."""
    with Image.open(path) as image:
        values = np.asarray(image).copy()
    values[: len(values) // 2] = 255
    damage.save_as(path, Image.fromarray(values))


def other_label(path: Path) -> None:
    """The label is mirrored."""
    with Image.open(path) as image:
        mirrored = image.transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    damage.save_as(path, mirrored)


def one_tile(folder: Path, kind: str = 'ann_dir') -> Path:
    """The first tile that was written."""
    return sorted((folder / 'out' / kind).rglob('*.png'))[0]


def pairs() -> list[Fault]:
    """Every fault of a file, in an image and a label of every converter."""
    found = []
    for name, tool in {**TOOLS, 'cross': CROSS}.items():
        for kind, faults in (('image', damage.IMAGE), ('label', damage.LABEL)):
            path = getattr(tool, kind)
            says = Path(path).stem.partition('_instance')[0]
            for fault, change in faults.items():
                found.append(
                    Fault(f'{name}: {kind} {fault}', tool.path,
                          tool.command(), on(path, change), says)
                )  # fmt: skip
    for name in ('isaid', 'openearthmap', 'folder'):
        tool = TOOLS[name]
        found.append(
            Fault(f'{name}: image with noise', tool.path, tool.command(),
                  on(tool.image, damage.noise), Path(tool.image).stem)
        )  # fmt: skip
    return found


def options() -> list[Fault]:
    """Impossible values of options."""
    wrong = {
        'isaid': ('--stride 0', '--min-pixels -1', '--min-pixels 1e9',
                  '--min-pixels 70000', '--workers -1', '--size nan',
                  '--list no.txt no.txt'),
        'dlrsd': ('--seed -1', '--seed x', '--split other', '--workers 0'),
        'openearthmap': ('--size 0', '--size 99999999', '--rule crop',
                         '--train-list no.txt', '--val-list scene.tif'),
        'folder': ('--val-share nan', '--val-share 0', '--val-share 1',
                   '--val-share -0.2', '--val-share inf', '--seed 0.5',
                   '--size -4', '--val nowhere',
                   '--masks ids', '--masks other', '--names no.txt',
                   '--names scene.tif', '--names own', '--image-dir masks',
                   '--mask-dir labels', '--ignore-colours red',
                   '--ignore-colours #3C1098', '--size 999 --rule drop'),
    }  # fmt: skip
    return [
        Fault(f'{name}: {words}', TOOLS[name].path,
              TOOLS[name].command(*words.split(' ')), nothing,
              _cause(words))
        for name, values in wrong.items()
        for words in values
    ]  # fmt: skip


def _cause(words: str) -> str:
    """The option, its name in Python, or the value must be named."""
    option, value = words.split(' ')[:2]
    if value == '#3C1098':
        return r'colour \(60, 16, 152\) is used twice'
    names = (option[2:], option[2:].replace('-', '_'), value.strip('-'))
    return '|'.join(n for n in names if len(n) > 1)


def folders() -> list[Fault]:
    """Faults of the output folder, for every converter."""
    found = []
    for name, tool in TOOLS.items():
        tile = f'out/img_dir/train/{name}.png'
        command = tool.command()
        ours = ('[!o]*/**/*', 'own/**/*', 'openearthmap/**/*')
        found += [
            Fault(f'{name}: out is a file', tool.path, command,
                  write('out'), r'out'),
            Fault(f'{name}: out holds a foreign tile', tool.path, command,
                  write(tile), rf'holds img_dir/train/{name}\.png'),
            Fault(f'{name}: out holds a foreign list', tool.path, command,
                  write('out/train.txt'), r'holds train\.txt'),
            Fault(f'{name}: out holds a damaged record', tool.path, command,
                  write('out/tiles.jsonl', b'\xff\0{'), r'tiles\.jsonl'),
            Fault(f'{name}: out is in use', tool.path, command, locked,
                  r'in use by process'),
            Fault(f'{name}: disk full', tool.path, command, nothing,
                  'no space left while writing to out',
                  limits={'file_size': 900}),
            Fault(f'{name}: a tile was zeroed', tool.path, command,
                  first(tool, lambda f: damage.zeros(one_tile(f))),
                  'out', as_fresh(tool), ours),
            Fault(f'{name}: a tile was edited', tool.path, command,
                  first(tool, lambda f: other_label(one_tile(f, 'img_dir'))),
                  'is not as this conversion wrote it'),
            Fault(f'{name}: a label was edited', tool.path, command,
                  first(tool, on(tool.label, other_label)), 'out',
                  as_fresh(tool), ours),
            Fault(f'{name}: a pair left the source', tool.path, command,
                  first(tool, lambda f, t=tool: [
                      (f / p).unlink() for p in (t.image, t.label)]),
                  r'scenes that the source does not have|no image|is not in'),
            Fault(f'{name}: half of an image is white', tool.path, command,
                  on(tool.image, blank), 'x', reports('pure white or black')),
            Fault(f'{name}: a damaged image is allowed', tool.path,
                  tool.command('--allow-damaged'),
                  on(tool.image, damage.cut_end), Path(tool.image).stem,
                  reports('damaged images were taken')),
            Fault(f'{name}: no such source', tool.path,
                  ('nowhere', 'out', *tool.options), nothing, 'nowhere'),
            Fault(f'{name}: another source', tool.path,
                  ('model', 'out', *tool.options), nothing, 'model'),
        ]  # fmt: skip
    return found


def _pack(kind: str) -> Callable[[Path], None]:
    def prepare(folder: Path) -> None:
        if kind == 'zip':
            with zipfile.ZipFile(folder / 'own.zip', 'w') as archive:
                for path in sorted((folder / 'own').rglob('*.*')):
                    archive.write(path, path.relative_to(folder / 'own'))
            damage.noise(folder / 'own.zip')
        else:
            with tarfile.open(folder / f'own.{kind}', 'w:gz') as archive:
                archive.add(folder / 'own', '.')

    return prepare


def links(folder: Path) -> None:
    """The images lie elsewhere and are linked."""
    images = folder / 'own/Tile 1/images'
    images.rename(folder / 'elsewhere')
    images.symlink_to(folder / 'elsewhere')


def loop(folder: Path) -> None:
    """A link to the folder above."""
    (folder / 'own/Tile 1/up').symlink_to('..')


OWN = [
    Fault('folder: two scenes with one tile name', FOLDER.path,
          FOLDER.command('--val', 'Tile 3'),
          copy('own/Tile 1', 'own/Tile_1'),
          r'tiles of the same name'),
    Fault('folder: names that differ in case', FOLDER.path,
          FOLDER.command('--val', 'Tile 3'),
          copy('own/Tile 1', 'own/tile 1'), 'tiles of the same name'),
    Fault('folder: two images with one stem', FOLDER.path, FOLDER.command(),
          copy(FOLDER.image, 'own/Tile 1/images/part_1.png'), 'found twice'),
    Fault('folder: two masks with one stem', FOLDER.path, FOLDER.command(),
          copy(FOLDER.label, 'own/Tile 1/masks/part_1.tif'), 'found twice'),
    Fault('folder: image equal to its mask', FOLDER.path, FOLDER.command(),
          copy(FOLDER.label, FOLDER.image), 'are the same file',
          keeps=('own/**/*',)),
    Fault('folder: linked images', FOLDER.path, FOLDER.command(), links,
          'x', as_fresh(FOLDER)),
    Fault('folder: a link to the folder above', FOLDER.path,
          FOLDER.command(), loop, 'x', as_fresh(FOLDER)),
    Fault('folder: damaged zip', FOLDER.path,
          ('own.zip', 'out', *FOLDER.options), _pack('zip'), 'own.zip'),
    Fault('folder: packed tar', FOLDER.path,
          ('own.tar.gz', 'out', *FOLDER.options), _pack('tar.gz'),
          r'own\.tar\.gz is an archive that cannot be read in place'),
    Fault('folder: out in the source', FOLDER.path,
          ('own', 'own', *FOLDER.options), nothing, 'lies in the output'),
    Fault('folder: out under /proc', FOLDER.path,
          ('own', '/proc/none/out', *FOLDER.options), nothing, '/proc/none'),
    Fault('folder: name of out too long', FOLDER.path,
          ('own', 'x' * 300, *FOLDER.options), nothing, 'name too long'),
    Fault('folder: markup in a name', FOLDER.path,
          ('own[/red]', 'out', *FOLDER.options), nothing, r'own\[/red\]'),
    Fault('folder: newline in a name', FOLDER.path, FOLDER.command(),
          copy(FOLDER.image, 'own/Tile 1/images/a\nb.jpg'), r'a\\nb'),
    Fault('folder: name that is not UTF-8', FOLDER.path, FOLDER.command(),
          copy(FOLDER.image, os.fsdecode(b'own/Tile 1/images/\xe4.jpg')),
          r'\\udce4'),
    Fault('folder: 300 classes of ids', FOLDER.path,
          ('own', 'out', '--names', 'many.txt'),
          write('many.txt', '\n'.join(f'word {i}' for i in range(300))),
          '300 classes'),
    Fault('folder: foreign names.txt', FOLDER.path, FOLDER.command(),
          write('out/names.txt'), r'names\.txt is not as'),
    *(Fault(f'folder: other {words} after a first run', FOLDER.path,
            FOLDER.command(*words.split(' ')), first(FOLDER, nothing),
            'other settings')
      for words in ('--size 16', '--seed 7', '--rule drop', '--val-share 0.5',
                    '--ignore-colours #9B9B9B #010101')),
    Fault('folder: other colours after a first run', FOLDER.path,
          FOLDER.command(), first(FOLDER, lambda f: write(
              'own/names.txt', (f / 'own/names.txt').read_text().replace(
                  '8429F6', '9B9B9A'))(f)), 'other settings'),
    Fault('folder: record that points outside', FOLDER.path,
          FOLDER.command(), first(FOLDER, lambda f: write(
              'out/tiles.jsonl', (f / 'out/tiles.jsonl').read_text().replace(
                  '"split":"train"', '"split":"../../own"'))(f)),
          'do not come from this conversion|is there already',
          as_fresh(FOLDER), ('own/**/*',)),
    Fault('isaid: found in two forms', TOOLS['isaid'].path,
          TOOLS['isaid'].command(), copy(TOOLS['isaid'].image,
          'isaid/train/images/P0000.jpg'), 'found twice'),
    Fault('isaid: list with a tile of another form', TOOLS['isaid'].path,
          TOOLS['isaid'].command('--list', 'list.txt', 'list.txt'),
          write('list.txt', 'P0000_0\n'), 'P0000_0'),
    Fault('isaid: list with a tile beyond the image', TOOLS['isaid'].path,
          TOOLS['isaid'].command('--list', 'list.txt', 'val.txt'),
          lambda f: (write('list.txt', 'P0000_0_256_9000_9256\n')(f),
                     write('val.txt', 'P0002_0_256_0_256\n')(f)),
          'P0000_0_256_9000_9256'),
    Fault('dlrsd: image given twice', TOOLS['dlrsd'].path,
          TOOLS['dlrsd'].command(), copy(TOOLS['dlrsd'].image,
          'dlrsd/Images/airplane/airplane03.png'), 'found twice'),
    Fault('openearthmap: scene in two regions', TOOLS['openearthmap'].path,
          TOOLS['openearthmap'].command(), copy(TOOLS['openearthmap'].image,
          'openearthmap/koeln/images/aachen_1.tif'), 'found twice'),
    Fault('openearthmap: list that is no text', TOOLS['openearthmap'].path,
          TOOLS['openearthmap'].command(),
          write('openearthmap/train.txt', b'\xff\xfe\0'), r'train\.txt'),
    Fault('openearthmap: scene in both lists', TOOLS['openearthmap'].path,
          TOOLS['openearthmap'].command(), lambda f: shutil.copy(
              f / 'openearthmap/train.txt', f / 'openearthmap/val.txt'),
          'x', reports('listed for train and for val')),
]  # fmt: skip

CASES = [*pairs(), *options(), *folders(), *OWN]
