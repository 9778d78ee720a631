# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Faults in what pack, export, test_across and model folders are given."""

import json
from collections.abc import Callable
from pathlib import Path

from tool_process import ToolRun

from . import damage
from .cases_converters import copy, nothing, on, write
from .fault import Fault

PACK = 'tools/pack.py'
EXPORT = 'tools/export.py'
ACROSS = 'tools/test_across.py'
PREDICT = 'tools/predict.py'
TEST = 'tools/test.py'
GOOD = 'model/tiny.pth'
CONFIG = 'model/config.py'


def packed(change: Callable[[Path], object]) -> Callable[[Path], None]:
    """Pack the good model, then change something."""

    def prepare(folder: Path) -> None:
        end = ToolRun(PACK, (GOOD, 'packed'), folder).wait()
        assert end.status == 0, end
        for log in folder.glob('.std*.log'):
            log.unlink()
        change(folder)

    return prepare


def settings(**changes: object) -> Callable[[Path], None]:
    """Replace keys of the packed config."""

    def prepare(folder: Path) -> None:
        path = folder / 'packed/config.json'
        content = {**json.loads(path.read_text()), **changes}
        path.write_text(json.dumps(content))

    return packed(prepare)


def score(path: str, content: object) -> Callable[[Path], None]:
    """A result file."""
    return write(path, json.dumps(content))


PACKING = [
    Fault('no checkpoint', PACK, ('no.pth', 'out'), nothing, r'no\.pth'),
    Fault('checkpoint cut in half', PACK, (GOOD, 'out'),
          on(GOOD, damage.cut), r'tiny\.pth'),
    Fault('checkpoint of zeros', PACK, (GOOD, 'out'),
          on(GOOD, damage.zeros), r'tiny\.pth'),
    Fault('two configs', PACK, (GOOD, 'out'), copy(CONFIG, 'model/b.py'),
          'config'),
    Fault('config of another model', PACK, (GOOD, 'out', '--config', 'a.py'),
          write('a.py', "model = dict(type='AerOSeg')\n"), r'a\.py|AerOSeg'),
    Fault('the folder holds files', PACK, (GOOD, 'tiles'), nothing, 'tiles'),
    Fault('the folder is a file', PACK, (GOOD, 'scene.tif'), nothing,
          r'scene\.tif'),
    Fault('the folder lies below a file', PACK, (GOOD, 'scene.tif/m'),
          nothing, r'scene\.tif'),
    Fault('disk full', PACK, (GOOD, 'out'), nothing, 'space|large',
          limits={'file_size': 20000}),
    *(Fault(f'--gsd {value}', PACK, (GOOD, 'out', '--gsd', value), nothing,
            'gsd') for value in ('0', '-1', 'nan', 'fine')),
    *(Fault(f'result {name}', PACK, (GOOD, 'out', '--result', 'r.json'),
            prepare, r'r\.json')
      for name, prepare in (
          ('missing', nothing), ('cut', write('r.json', '{"format":')),
          ('of a list', score('r.json', [1])),
          ('of another tool', score('r.json', {'format': 'mine'})))),
]  # fmt: skip

FOLDERS = [
    *(Fault(f'model folder: {name}', PREDICT,
            ('scene.tif', '--model', 'packed', '--out', 'out'), prepare, says)
      for name, prepare, says in (
          ('missing', nothing, 'packed'),
          ('no weights', packed(lambda f: (
              f / 'packed/model.safetensors').unlink()), 'safetensors'),
          ('weights cut', packed(on('packed/model.safetensors',
                                    damage.cut)), 'safetensors'),
          ('config cut', packed(on('packed/config.json', damage.cut)),
           r'config\.json'),
          ('config of a list', packed(write('packed/config.json', '[]')),
           r'config\.json'),
          ('no model in the config', settings(model=3), r'config\.json'),
          ('an unknown model', settings(model={'type': 'Nothing'}),
           'Nothing'),
          ('words cut', packed(on('packed/vocabulary.json',
                                  damage.cut)), r'vocabulary\.json'),
          ('an exported one without its file', settings(model={
              'type': 'ExportedSegmentor', 'image_part': 'image.onnx',
              'side': 64, 'text_encoder': {'type': 'OpenCLIPTextEncoder'}}),
           'does not fit|image.onnx'))),
    Fault('a folder that is no model', TEST, (CONFIG, 'tiles'), nothing,
          'tiles'),
    Fault('a model folder and a checkpoint', PREDICT,
          ('scene.tif', '--model', 'packed', '--checkpoint', GOOD, '--out',
           'out'), packed(lambda f: None), 'whole model'),
]  # fmt: skip

EXPORTS = [
    Fault('no checkpoint', EXPORT, ('no.pth', 'out'), nothing, r'no\.pth'),
    Fault('checkpoint cut in half', EXPORT, (GOOD, 'out'),
          on(GOOD, damage.cut), r'tiny\.pth'),
    Fault('the folder holds files', EXPORT, (GOOD, 'tiles'), nothing, 'tiles'),
    Fault('int8 for torch.export', EXPORT, (GOOD, 'a.pt2', '--int8'), nothing,
          'int8'),
    *(Fault(f'--side {side}', EXPORT, (GOOD, 'out', '--side', side), nothing,
            'side') for side in ('0', '-64', '100', 'x')),
]  # fmt: skip

ACROSSES = [
    *(Fault(name, ACROSS, (CONFIG, GOOD, *words), nothing, says)
      for name, words, says in (
          ('no data', (), '--data'),
          ('unknown data', ('--data', 'moon'), 'moon'),
          ('no folder', ('--data', 'loveda=no'), 'no'),
          ('data that is a file', ('--data', 'loveda=scene.tif'),
           r'scene\.tif'),
          ('data of another set', ('--data', 'loveda=tiles'), 'tiles'),
          ('unknown protocol', ('--data', 'loveda=tiles', '--protocol', 'x'),
           'protocol'),
          ('words for other data', ('--data', 'loveda=tiles', '--words',
                                    'udd5=names.txt'), 'udd5'),
          ('a missing list of words', ('--data', 'loveda=tiles', '--words',
                                       'loveda=no.txt'), r'no\.txt|tiles'))),
    Fault('checkpoint cut in half', ACROSS,
          (CONFIG, GOOD, '--data', 'loveda=tiles'), on(GOOD, damage.cut),
          r'tiny\.pth|tiles'),
]  # fmt: skip

CASES = [*PACKING, *FOLDERS, *EXPORTS, *ACROSSES]
