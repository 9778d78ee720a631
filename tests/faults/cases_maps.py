# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Faults in what assess_map, compare_runs and shares of a scene are given."""

import json
from pathlib import Path

from tool_process import ToolRun

from . import damage
from .cases_converters import copy, nothing, on, write
from .fault import Fault

ASSESS = 'tools/assess_map.py'
COMPARE = 'tools/compare_runs.py'
PREDICT = 'tools/predict.py'
SHARE = (
    *('scene.tif', '--checkpoint', 'model/tiny.pth', '--window', '32'),
    *('--classes', 'road; tree', '--out', 'out'),
)


def sampled(folder: Path) -> None:
    """Points of the good map, not labelled."""
    _run(ASSESS, ('sample', 'map.tif', 'p.gpkg', '--points', '20'), folder)


def shared(folder: Path) -> None:
    """One share of three of the scene."""
    _run(PREDICT, (*SHARE, '--blocks', '1/3'), folder)


def _run(tool: str, words: tuple[str, ...], folder: Path) -> None:
    if tool == ASSESS:
        copy('tiles/ann_dir/val/0.png', 'map.tif')(folder)
    end = ToolRun(tool, words, folder).wait()
    assert end.status == 0, end
    for log in folder.glob('.std*.log'):
        log.unlink()


def spoilt_share(folder: Path) -> None:
    """A damaged row file in the work folder of a share."""
    shared(folder)
    first = sorted((folder / 'out/.aeroseg').glob('0*.npz'))[0]
    damage.cut(first)


MAPS = [
    *(Fault(f'{step}: no map', ASSESS, (step, 'no.tif', *more), nothing,
            r'no\.tif')
      for step, more in (('plan', ()), ('sample', ('p.gpkg',)),
                         ('estimate', ('p.gpkg', '--out', 'areas')))),
    Fault('plan: a scene instead of a map', ASSESS, ('plan', 'scene.tif'),
          nothing, r'scene\.tif'),
    Fault('plan: a map cut in half', ASSESS, ('plan', 'picture.png'),
          on('picture.png', damage.cut), r'picture\.png'),
    *(Fault(f'plan: {flag} {value}', ASSESS,
            ('plan', 'scene.tif', flag, value), nothing, flag.strip('-'))
      for flag, value in (('--margin', '0'), ('--margin', 'nan'),
                          ('--at-least', '-1'))),
    Fault('sample: no points', ASSESS,
          ('sample', 'scene.tif', 'p.gpkg', '--points', '0'), nothing,
          'points'),
    Fault('estimate: no points file', ASSESS,
          ('estimate', 'scene.tif', 'no.gpkg', '--out', 'areas'), nothing,
          r'no\.gpkg|scene\.tif'),
    Fault('estimate: points that are no GeoPackage', ASSESS,
          ('estimate', 'scene.tif', 'names.txt', '--out', 'areas'), nothing,
          r'names\.txt|scene\.tif'),
]  # fmt: skip

RUNS = [
    *(Fault(name, COMPARE, words, prepare, says)
      for name, words, prepare, says in (
          ('no first run', ('no', 'tiles'), nothing, 'no'),
          ('a run without a report', ('tiles', 'tiles'), nothing, 'tiles'),
          ('a run that is a file', ('scene.tif', 'tiles'), nothing,
           r'scene\.tif|tiles'),
          ('a report cut', ('a', 'a'), write('a/report.json', '{"format":'),
           'a'),
          ('a report of a list', ('a', 'a'), write('a/report.json', '[1]'),
           'a'),
          ('a report of another tool', ('a', 'a'),
           write('a/report.json', json.dumps({'format': 'mine'})), 'a'))),
    *(Fault(f'--replicates {value}', COMPARE,
            ('tiles', 'tiles', '--replicates', value), nothing, 'replicates')
      for value in ('0', '-5', 'many')),
]  # fmt: skip

SHARES = [
    *(Fault(f'--blocks {value}', PREDICT, (*SHARE, '--blocks', value),
            nothing, 'share|blocks')
      for value in ('0/2', '3/2', '1/0', '-1/2', '1', 'a/b', '1/2/3')),
    Fault('--assemble without shares', PREDICT, (*SHARE, '--assemble'),
          nothing, 'rows'),
    Fault('--assemble after one share', PREDICT, (*SHARE, '--assemble'),
          shared, 'rows'),
    Fault('--assemble and a damaged row file', PREDICT,
          (*SHARE, '--assemble'), spoilt_share, 'rows',
          keeps=('*.*', 'model/*')),
    Fault('--blocks and --workers', PREDICT,
          (*SHARE, '--blocks', '1/2', '--workers', '2'), nothing, 'choose'),
    Fault('a share of two scenes', PREDICT,
          ('picture.png', *SHARE, '--blocks', '1/2'), nothing, 'one scene'),
    Fault('--workers 0', PREDICT, (*SHARE, '--workers', '0'), nothing,
          'workers'),
    Fault('--address without ray', PREDICT, (*SHARE, '--address', 'auto'),
          nothing, 'ray'),
    Fault('--patience nan', PREDICT, (*SHARE, '--patience', 'nan'), nothing,
          'patience'),
    Fault('--blocks: disk full', PREDICT, (*SHARE, '--blocks', '1/2'),
          nothing, 'space|large', limits={'file_size': 2000}),
]  # fmt: skip

CASES = [*MAPS, *RUNS, *SHARES]
