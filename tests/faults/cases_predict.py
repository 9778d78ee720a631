# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Faults in the options, words and folders of tools/predict.py."""

import json
import os
from collections.abc import Callable
from pathlib import Path

from aeroseg.files.folder_lock import LOCK, _this_process
from aeroseg.mapping.job.work_folder import fingerprint

from .fault import Fault
from .maps import (
    GOOD,
    MODEL,
    Prepare,
    complete,
    fault,
    finished,
    maps,
    named,
    nothing,
    predict,
    stopped,
    tall,
)
from .materials import pixels

GIB = 2**30


def option(text: str, says: str, **fields: object) -> Fault:
    """A fault in one option, such as '--batch 0'."""
    return fault(f'{text}', says, arguments=predict(*text.split()), **fields)


def words(name: str, text: str, says: str, **fields: object) -> Fault:
    """A fault in --classes."""
    line = ('scene.tif', *MODEL, '--classes', text, '--out', 'out')
    return fault(f'classes: {name}', says, nothing, line, **fields)


def names(name: str, content: bytes, says: str, **fields: object) -> Fault:
    """A fault in a vocabulary file."""
    line = ('scene.tif', *MODEL, '--vocabulary', 'a.txt', '--out', 'out')

    def prepare(folder: Path) -> None:
        (folder / 'a.txt').write_bytes(content)

    return fault(f'names: {name}', says, prepare, line, **fields)


def holds(name: str, content: str = 'mine') -> Prepare:
    """A file of the user in the output folder."""

    def prepare(folder: Path) -> None:
        path = folder / 'out' / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)

    return prepare


def after(
    state: Prepare, *path: str, change: Callable[[Path], object]
) -> Prepare:
    """A state of the output folder, and a change to one of its files."""

    def prepare(folder: Path) -> None:
        state(folder)
        (target,) = (folder / 'out').glob('/'.join(path))
        change(target)

    return prepare


def zeroed(path: Path) -> None:
    """The same size, other content."""
    path.write_bytes(bytes(path.stat().st_size))


def short(path: Path) -> None:
    """The first 100 bytes."""
    path.write_bytes(path.read_bytes()[:100])


def flipped(path: Path) -> None:
    """One bit in the middle."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def to_folder(path: Path) -> None:
    """A folder of that name."""
    path.unlink()
    path.mkdir()


def _outside(path: Path) -> None:
    (path.parent.parent / 'mine.txt').write_text('x')
    report = json.loads(path.read_text())
    report['files']['more'] = '../mine.txt'
    report['records']['../mine.txt'] = {'size': 1, 'sha256': '0'}
    del report['digest']
    report['digest'] = fingerprint(report)
    path.write_text(json.dumps(report))


def _in_use(folder: Path) -> None:
    (folder / 'out').mkdir()
    (folder / 'out' / LOCK).write_text(json.dumps(_this_process()))


def _scene_is_result(folder: Path) -> None:
    (folder / 'out').mkdir()
    (folder / 'scene.tif').rename(folder / 'out' / 'labels.tif')


def _result_is_scene(folder: Path) -> None:
    complete(folder)
    (folder / 'link.tif').symlink_to('out/labels.tif')


def _as_file(folder: Path) -> None:
    (folder / 'file').write_text('x')


def _loop(folder: Path) -> None:
    (folder / 'out').symlink_to('out')


def _out(path: str) -> tuple[str, ...]:
    return ('scene.tif', *GOOD[:-1], path)


ANY_NUMBER = {
    'window': ('-5', '0'), 'overlap': ('-1', '64'), 'margin': ('-1', '40'),
    'batch': ('0', '-3'), 'gsd': ('0', '-1', 'nan', 'inf', '1e-9'),
    'scale': ('0', '-1', 'nan', 'inf', '1e9'),
    'simplify': ('-1', 'nan', 'inf'), 'threshold': ('nan', '-0.1', '1.5'),
    'stretch': ('nan,nan', '0,inf', '5,5', '9,1', 'percentile:nan',
                'percentile:50', 'percentile:', 'high'),
    'bands': ('0,1,2', '1,2', '1,2,9', 'a,b,c'),
    'device': ('tpu', 'cuda:9', 'meta'), 'polygons': ('shp',),
}  # fmt: skip
OPTIONS = [
    *(option(f'--{name} {value}', rf'(?s){name}.*')
      for name, values in ANY_NUMBER.items() for value in values),
    option('--window x', 'window'),
    option('--frobnicate 3', 'frobnicate'),
    option('--batch 1000000000', '', done=maps()),
    option('--window 100000', '', done=finished()),
    option('--scale 1e-6', '', done=finished()),
    fault('no --out', '--out', arguments=('scene.tif', *GOOD[:-2])),
    fault('a config that is not there', r'no\.py', arguments=predict(
          '--config', 'no.py')),
    fault('a folder as checkpoint', 'model', arguments=(
          'scene.tif', '--checkpoint', 'model', '--out', 'out')),
]  # fmt: skip
LONG = 'a very ' * 43 + 'big house'
ODD = ('a"b\'c', '<b>&', '=1+1', 'été ☀️'.replace('\ufe0f', ''), LONG)
WORDS = [
    words('empty', '', 'vocabulary is empty'),
    words('only separators', ' ; , ;', 'empty'),
    words('one twice', 'road; tree; road', 'given twice'),
    words('in capitals twice', 'road; ROAD', 'given twice'),
    words('a synonym twice', 'road, way; path, way', 'given twice'),
    words('in two spellings', 'caf\u00e9; cafe\u0301', 'given twice'),
    words('zero width', 'ro\u200bad; tree', 'cannot be seen'),
    words('a line break', 'road\ntree', 'cannot be seen'),
    words('bytes that are not UTF-8', 'road\udcff', 'cannot be seen'),
    words('marks', 'road [seen]', 'vocabulary file'),
    fault('names that need care in every file', '', arguments=(
          'scene.tif', *MODEL, '--classes', '; '.join(ODD), '--out', 'out',
          '--scores', '--polygons'), done=named(*ODD)),
    words('300 of them', '; '.join(map('class {}'.format, range(300))), '',
          done=lambda folder, end: (folder / 'out/report.json').stat()),
    fault('contrast is a class', 'given twice', arguments=predict(
          '--contrast', 'road')),
    fault('contrast is empty', 'empty', arguments=predict('--contrast', '')),
    names('empty', b'', 'empty'),
    names('comments only', b'# road\n# tree\n', 'empty'),
    names('UTF-16', 'road\ntree\n'.encode('utf-16'), r'a\.txt.*UTF-8'),
    names('NUL', b'road\ntr\0ee\n', r'a\.txt, line 2.*cannot be seen'),
    names('an open mark', b'road [seen\n', r'a\.txt, line 1'),
    names('an unknown mark', b'road [green]\n', r'a\.txt, line 1.*green'),
    names('BOM and CRLF', b'\xef\xbb\xbfroad\r\ntree\r\n', '', done=maps()),
    fault('names: not there', r'no vocabulary file no\.txt', arguments=(
          'scene.tif', *MODEL, '--vocabulary', 'no.txt', '--out', 'out')),
    fault('names: a folder', 'vocabulary file', arguments=(
          'scene.tif', *MODEL, '--vocabulary', 'model', '--out', 'out')),
]  # fmt: skip
RESULTS = ('labels.tif', 'labels.qml', 'classes.csv', 'preview.png')
FOLDERS = [
    *(fault(f'the user has a {name}', f'{name}.*never replaced', holds(name),
            predict('--overwrite'))
      for name in (*RESULTS, 'report.json')),
    fault('the user has other files', '', holds('polygons.gpkg'),
          done=maps()),
    fault('the user has parts', '', holds('.notes.part.txt'), done=maps()),
    fault('out is a file', 'file: it is not a folder', _as_file, _out('file')),
    fault('out is below a file', 'file/out', _as_file, _out('file/out')),
    fault('out is a loop of links', 'out: it is not a folder', _loop),
    fault('out is below /proc', '/proc/', nothing, _out('/proc/x')),
    fault('out has 300 letters', 'name too long', nothing, _out('n' * 300)),
    fault('out is not UTF-8', 'not UTF-8', nothing,
          _out(os.fsdecode(b'o\xff'))),
    fault('out is in use', r'in use by process \d+', _in_use),
    fault('out has a lock that is cut', '', holds(LOCK, '{"pid'),
          done=maps(), keeps=('*.tif',)),
    fault('the work folder is a file', r'\.aeroseg', holds('.aeroseg')),
    fault('the scene is the result', 'belongs to the scene', _scene_is_result,
          predict('--overwrite', scene='out/labels.tif')),
    fault('the scene is a link to the result', 'belongs to the scene',
          _result_is_scene, predict('--overwrite', '--bands', '1,1,1',
                                    scene='link.tif')),
    fault('results of other words', 'another run', complete,
          ('scene.tif', *MODEL, '--classes', 'car', '--out', 'out')),
    *(fault(f'{name}: {change.__name__}', f'{name}.*changed or damaged',
            after(complete, name, change=change), predict(*more))
      for name, change, more in (
          ('labels.tif', short, ()), ('labels.tif', zeroed, ('--overwrite',)),
          ('classes.csv', flipped, ()), ('preview.png', to_folder, ()),
          ('report.json', short, ('--overwrite',)),
          ('report.json', flipped, ()), ('report.json', zeroed, ()))),
    fault('a report that lists a file outside', '', after(
          complete, 'report.json', change=_outside),
          predict('--overwrite'), done=maps(), keeps=('mine.txt', '*.tif')),
    fault('a result is gone', '', after(
          complete, 'labels.tif', change=Path.unlink), done=maps(),
          keeps=('*.tif',)),
]  # fmt: skip
TALL = maps(pixels(300, 70))
KEPT = ('*.tif', 'model/*')
RESUMED = [
    fault('stopped half-way', '', stopped, done=maps(
          pixels(300, 70), says='resuming at row'), keeps=KEPT),
    *(fault(f'kept rows: {change.__name__}', '', after(
            stopped, '.aeroseg', f'*-{"0" * 9}-?????????.npz', change=change),
            done=maps(pixels(300, 70), says='predicting again'), keeps=KEPT)
      for change in (short, zeroed, flipped)),
    fault('the mark of the job is cut', '', after(
          stopped, '.aeroseg', 'job.txt', change=short), done=TALL,
          keeps=KEPT),
    fault('the record of the batches is damaged', '', lambda folder: (
          stopped(folder), holds('.aeroseg/batches.json', '[[0')(folder)),
          done=maps(pixels(300, 70), says='starting anew'), keeps=KEPT),
    *(fault(f'files of at most {size} bytes', 'File too large', tall,
            limits={'file_size': size}) for size in (20_000, 60_000, 250_000)),
    *(fault(f'{size} GiB of memory', '(?i)memory', tall, done=TALL,
            limits={'memory': int(size * GIB)}) for size in (1, 3, 5)),
]  # fmt: skip


def seams(name: str, *more: str, says: str, prepare: Prepare = nothing) -> Fault:  # noqa: E501  # fmt: skip
    """A fault of measure_seams.py."""
    line = ('scene.tif', *MODEL, '--classes', 'road; tree')
    return Fault(name, 'studies/measure_seams.py', (*line, *more), prepare, says)  # noqa: E501  # fmt: skip


SEAMS = [
    seams('window 0', '--window', '0', says='window 0'),
    seams('window 1', '--window', '1', says='windows of 1 '),
    seams('window -8', '--window', '-8', says='window -8'),
    seams('size 0', '--size', '0', says='--size 0'),
    seams('size below two windows', says='two windows'),
    seams('gsd nan', '--gsd', 'nan', says='nan'),
    seams('scene cut', '--window', '16', says='damaged|not an image',
          prepare=lambda folder: short(folder / 'scene.tif')),
    seams('no classes', '--classes', '', says='vocabulary is empty'),
    seams('no such device', '--device', 'tpu', says="device 'tpu'"),
    seams('no such checkpoint', '--checkpoint', 'no.pth', says=r'no\.pth'),
]  # fmt: skip
CASES = [*OPTIONS, *WORDS, *FOLDERS, *RESUMED, *SEAMS]
