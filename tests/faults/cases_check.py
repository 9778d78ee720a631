# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Faults in what check_dataset, demo and paper_tables are given."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image
from tool_process import ROOT, Ended

from aeroseg.datasets import OpenEarthMapDataset
from aeroseg.evaluation.result_file import RESULT_FORMAT

from . import damage
from .cases_converters import nothing, on, write
from .fault import Fault

CHECK = 'tools/check_dataset.py'
DEMO = 'tools/demo.py'
TABLES = 'studies/paper_tables.py'
# No file is there, so its label has no image.
UNLISTED = [
    ('image', name)
    for name in (
        'missing',
        'a folder',
        'a dangling link',
        'a link to itself',
        'a named pipe',
    )
]
NAMES = '\n'.join(OpenEarthMapDataset.METAINFO['classes']) + '\n'
IMAGE, LABEL = 'tiles/img_dir/train/1.png', 'tiles/ann_dir/train/1.png'
RECORD = 'tiles/manifest.json'
DATASET = (
    "custom_imports = dict(imports=['aeroseg'])\n"
    "train_dataloader = dict(dataset=dict(type='OpenEarthMapDataset',"
    " data_root='tiles', data_prefix=dict(img_path='img_dir/train',"
    " seg_map_path='ann_dir/train')))\n"
)


def check(*words: str, source: str = 'tiles') -> tuple[str, ...]:
    """A good check, with changes."""
    return (source, '--workers', '1', '--sheet', 'sheet.png', *words)


def named(change: Callable[[Path], object]) -> Callable[[Path], None]:
    """Give the tiles their names, then change something."""

    def prepare(folder: Path) -> None:
        (folder / 'tiles/names.txt').write_text(NAMES)
        change(folder)

    return prepare


def labels(split: str, make: Callable[[np.ndarray], Image.Image]) -> Callable:
    """Change every label of a split."""

    def change(folder: Path) -> None:
        for path in (folder / 'tiles/ann_dir' / split).glob('*.png'):
            with Image.open(path) as image:
                values = np.asarray(image).copy()
            make(values).save(path)

    return named(change)


def two_bits(values: np.ndarray) -> Image.Image:
    """The palette fault with a palette of two colours."""
    image = Image.frombytes('P', values.shape[::-1], values.tobytes())
    image.putpalette([0, 0, 0, 255, 255, 255])
    return image


def zero_shot(names: str, ids: tuple[int, ...]) -> Callable[[Path], None]:
    """A valid set: train lacks the unseen classes."""

    def prepare(folder: Path) -> None:
        (folder / 'tiles/names.txt').write_text(names)
        number = len(names.split())
        for path in (folder / 'tiles/ann_dir').rglob('*.png'):
            allowed = ids if path.parent.name == 'train' else range(number)
            with Image.open(path) as image:
                values = np.asarray(image)
            kept = np.array(allowed, np.uint8)[values % len(allowed)]
            Image.fromarray(kept).save(path)

    return prepare


def passes(folder: Path, end: Ended) -> None:
    """No error is found, and the sheet is drawn."""
    assert 'error' not in end.out
    assert (folder / 'sheet.png').is_file()


def drawn(words: str) -> Callable[[Path, Ended], None]:
    """The check ends well and says the words."""

    def judge(folder: Path, end: Ended) -> None:
        assert words in end.out, end.out

    return judge


def pairs() -> list[Fault]:
    """Every fault of a file, in an image and a label."""
    found = []
    for path, faults in ((IMAGE, damage.IMAGE), (LABEL, damage.LABEL)):
        kind = 'image' if path == IMAGE else 'label'
        for name, change in faults.items():
            says = rf'train/1\.png|{kind}.*1 of 4|no label'
            done = None
            if (kind, name) in UNLISTED:
                done = drawn('train: 1 labels have no image, the first is 1')
            found.append(
                Fault(f'check: {kind} {name}', CHECK, check(),
                      named(on(path, change)), says, done)
            )  # fmt: skip
    return found


def wrong_options() -> list[Fault]:
    """Impossible values of options."""
    wrong = {
        CHECK: ('--workers 0', '--workers -1', '--sample 0', '--sample -3',
                '--sample nan', '--tiles 0', '--tiles many'),
        DEMO: ('--seed -1', '--seed 1.5', '--seed 99999999999',
               '--iters 0', '--iters -5', '--scenes 0', '--scenes inf'),
        TABLES: ('--seeds -1', '--seeds a', '--processes 0',
                 '--processes -2', '--launcher mpi', '--checkpoint newest'),
    }  # fmt: skip
    return [
        Fault(f'{Path(tool).stem}: {words}', tool,
              ('tiles', *words.split()) if tool == CHECK
              else tuple(words.split()), nothing, words.split()[0])
        for tool, values in wrong.items()
        for words in values
    ]  # fmt: skip


def config(text: str) -> tuple[Callable[[Path], None], tuple[str, ...]]:
    """A config with a fault, and the check of it."""
    return write('config.py', text), check(source='config.py')


def score_file(content: object) -> Callable[[Path], None]:
    """A result of the demo."""
    return write('runs/a/seed_0/scores.json', json.dumps(content))


def result(content: object) -> Callable[[Path], None]:
    """A result of tools/test.py."""
    return write('runs/one/now/test_iter_20.json', json.dumps(content))


CONFIGS = {
    'no dataset': ('model = None\n', 'names no dataset'),
    'unknown dataset': (DATASET.replace('OpenEarthMapD', 'D'), 'Dataset'),
    'unknown argument': (DATASET.replace('data_root', 'data_rot'), 'data_rot'),
    'loader without dataset': ('train_dataloader = dict(a=1)\n', 'dataset'),
    'loader is a number': ('train_dataloader = 3\n', 'train_dataloader'),
    'no folder': (DATASET.replace("'tiles'", "'nowhere'"), 'nowhere'),
    'syntax': (DATASET + 'x = (\n', r'config\.py'),
    'unknown module': (DATASET.replace("['aeroseg']", "['no_such']"),
                       'no_such'),
    'unknown base': ("_base_ = 'nowhere.py'\n", 'nowhere'),
    'unknown name': (DATASET + 'x = unknown_name\n', 'unknown_name'),
}  # fmt: skip
SPLITS = [
    Fault('check: shifted ids', CHECK, check(),
          labels('train', lambda v: Image.fromarray(v + 1)),
          'hold 1 to 8, expected 0 to 7'),
    Fault('check: palette fault in every label', CHECK, check(),
          labels('val', two_bits), 'palette fault'),
    Fault('check: masks of 0 and 255', CHECK, check(),
          labels('val', lambda v: Image.fromarray((v > 3).astype('u1') * 255)),
          'hold only 0 and 255'),
    Fault('check: only 0 and 1 in grey labels', CHECK, check(),
          labels('val', lambda v: Image.fromarray(v % 2)), 'x',
          drawn('warning: val: the labels hold only 0 and 1, of 8 classes')),
    Fault('check: everything ignored', CHECK, check(),
          labels('val', lambda v: Image.fromarray(v * 0 + 255)),
          'all .* hold only 255'),
    Fault('check: one picture in both splits', CHECK, check(),
          named(lambda f: (f / 'tiles/img_dir/val/0.png').write_bytes(
              (f / IMAGE).read_bytes())), 'x',
          drawn('1 pictures are in train and in val'),
          ('tiles/ann_dir/**/*',)),
    *(Fault(f'check: zero-shot set with {ids} in train', CHECK, check(),
            zero_shot(names, ids), 'x', passes)
      for names, ids in (
          ('a [seen]\nb [seen]\nc [unseen]\n', (0, 1)),
          ('a [seen]\nb [unseen]\nc [unseen]\n', (0, 255)),
          ('a [seen]\nb [unseen]\n', (0,)),
          ('a [unseen]\nb [seen]\nc [seen]\n', (1, 2)),
      )),
    Fault('check: markup in the path', CHECK, check(source='ti[/red]les'),
          lambda f: (named(nothing)(f), on(LABEL, damage.empty)(f),
                     (f / 'ti[').mkdir(),
                     (f / 'tiles').rename(f / 'ti[/red]les')),
          r'ti\[/red\]les/ann_dir', keeps=('scene.tif',)),
    Fault('check: no such source', CHECK, check(source='no[/red]'), nothing,
          r'no\[/red\]'),
    Fault('check: no names', CHECK, check(), nothing, 'give --names'),
    Fault('check: names missing', CHECK, check('--names', 'no.txt'),
          nothing, r'no\.txt'),
    Fault('check: too few names', CHECK, check('--names', 'names.txt'),
          nothing, 'holds the id'),
    Fault('check: names of bytes', CHECK, check('--names', 'scene.tif'),
          nothing, r'scene\.tif is not a text'),
    *(Fault(f'check: record {name}', CHECK, check(), write(RECORD, text),
            r'manifest\.json')
      for name, text in (
          ('cut', '{"settings": {"da'), ('of a list', '[1, 2]'),
          ('of another tool', '{"a": 1}'), ('of bytes', b'\xff\0'),
          ('of an unknown set', '{"settings": {"dataset": "LoveDA"}}'))),
    *(Fault(f'check: config, {name}', CHECK, config(text)[1],
            config(text)[0], says) for name, (text, says) in CONFIGS.items()),
    *(Fault(f'check: sheet {sheet}', CHECK, check('--sheet', sheet),
            named(write('taken/a')), says)
      for sheet, says in (
          ('sheet.xyz', r'sheet\.xyz'), ('taken/a/b.png', 'taken/a'),
          (IMAGE, 'lies between'), ('/proc/none/a.png', '/proc/none'),
          ('taken', 'taken'))),
    Fault('check: disk full', CHECK, check(), named(nothing), r'sheet\.png',
          limits={'file_size': 20_000}),
]  # fmt: skip
TINY = ('--scenes', '1', '--checkpoint')
DEMOS = [
    Fault('demo: no such config', DEMO, ('no.py',), nothing, r'no\.py'),
    Fault('demo: config of another model', DEMO, ('model/config.py',),
          nothing, r'model/config\.py is no config of the demo'),
    Fault('demo: config that is data', DEMO, ('scene.tif',), nothing,
          r'scene\.tif'),
    *(Fault(f'demo: checkpoint {name}', DEMO, (*TINY, path), prepare, says)
      for name, path, prepare, says in (
          ('missing', 'no.pth', nothing, r'no\.pth'),
          ('a picture', 'scene.tif', nothing, r'scene\.tif'),
          ('of another model', 'model/tiny.pth', nothing, 'tiny|fit|shape'),
          ('cut', 'model/tiny.pth', on('model/tiny.pth', damage.cut),
           r'tiny\.pth'),
          ('a folder', 'model', nothing, 'model'))),
    Fault('demo: table of no folder', DEMO, ('--table', 'no'), nothing,
          'no holds no'),
    Fault('demo: table of an empty folder', DEMO, ('--table', 'tiles'),
          nothing, 'tiles holds no'),
    *(Fault(f'demo: scores {name}', DEMO, ('--table', 'runs'), prepare,
            r'scores\.json')
      for name, prepare in (
          ('cut', write('runs/a/seed_0/scores.json', '{"config": "a')),
          ('of a list', score_file([1])),
          ('without rows', score_file({'config': 'a'})),
          ('that are words', score_file({'config': 'a', 'rows': {
              w: dict.fromkeys(('s-mIoU', 'u-mIoU', 'h-mIoU'), 'high')
              for w in ('trained', 'turned scenes', 'wrong names',
                        'untrained')}})))),
    *(Fault(f'demo: sheet {sheet}', DEMO, ('--sheet', sheet), write('taken'),
            says)
      for sheet, says in (
          ('a.xyz', 'xyz'), ('taken/a.png', 'taken'),
          ('/proc/none/a.png', '/proc/none'), ('x' * 300 + '.png', 'long'))),
    Fault('demo: work dir is a file', DEMO, ('--work-dir', 'taken'),
          write('taken'), 'taken'),
]  # fmt: skip
GOOD = json.loads((ROOT / 'studies/published/paper_tables.json').read_text())
PAPER = [
    Fault('tables: no such folder', TABLES, ('no[/red]',), nothing,
          r'no folder no\[/red\]'),
    Fault('tables: folder is a file', TABLES, ('scene.tif',), nothing,
          r'scene\.tif'),
    Fault('tables: unknown row', TABLES, ('--run', '99/x'), nothing, '99/x'),
    Fault('tables: --out is a folder', TABLES, ('--out', 'tiles'), nothing,
          'tiles'),
    Fault('tables: --out below a file', TABLES, ('--out', 'scene.tif/a.md'),
          nothing, r'scene\.tif'),
    Fault('tables: disk full', TABLES, ('--out', 'a.md'), nothing,
          r'a\.md|too large', limits={'file_size': 2000}),
    *(Fault(f'tables: table file {name}', TABLES, ('--tables', 'tables.json'),
            prepare, r'tables\.json')
      for name, prepare in (
          ('missing', nothing), ('empty', write('tables.json', '')),
          ('of bytes', write('tables.json', b'\xff\xfe\0')),
          ('of a list', write('tables.json', '[1]')),
          ('without tables', write('tables.json', '{}')),
          ('without rows', write('tables.json', json.dumps(
              {**GOOD, 'tables': [{'id': '1', 'metrics': []}]}))),
          ('with words for figures', write('tables.json', json.dumps(
              GOOD).replace('[', '["high", ', 9))))),
    *(Fault(f'tables: result {name}', TABLES, ('runs',), prepare,
            r'test_iter_20\.json')
      for name, prepare in (
          ('cut', write('runs/one/now/test_iter_20.json', '{"format": ')),
          ('of a list', result([])), ('of another tool', result({'a': 1})),
          ('without scores', result({'format': RESULT_FORMAT,
                                     'protocol': {'run': None}})),
          ('that is words', result({
              'format': RESULT_FORMAT, 'summary': {'s-mIoU': 'high'},
              'protocol': {'run': {'config': 'a', 'seed': 0},
                           'model': {'test_cfg': None},
                           'code': {'commit': None}}})))),
]  # fmt: skip

CASES = [*pairs(), *wrong_options(), *SPLITS, *DEMOS, *PAPER]
