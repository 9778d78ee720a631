# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""What a right map of predict.py looks like, and states of its folder."""

import csv
import json
import sqlite3
import threading
import xml.etree.ElementTree as ET
from collections.abc import Callable
from contextlib import closing, suppress
from functools import lru_cache
from pathlib import Path
from unittest.mock import patch

import numpy as np
import rasterio
from tool_process import Ended

from aeroseg.apis import Predictor
from aeroseg.apis.vocabulary_model import VocabularyModel

from .fault import Fault
from .materials import pixels, write_model, write_scene

TOOL = 'tools/predict.py'
WORDS = 'road; tree'
MODEL = ('--checkpoint', 'model/tiny.pth', '--device', 'cpu')
GOOD = (*MODEL, '--classes', WORDS, '--out', 'out')

Check = Callable[[Path, Ended], object]
Prepare = Callable[[Path], object]
_PATCHING = threading.Lock()


def nothing(folder: Path) -> None:
    """The fault is in the command line."""


def predict(*words: str, scene: str = 'scene.tif') -> tuple[str, ...]:
    """The command line of a good run, with changes."""
    return (scene, *GOOD, *words)


def fault(
    name: str,
    says: str,
    prepare: Prepare = nothing,
    arguments: tuple[str, ...] = (),
    **fields: object,
) -> Fault:
    """A fault of predict.py; without arguments, on `scene.tif`."""
    return Fault(name, TOOL, arguments or predict(), prepare, says, **fields)  # type: ignore[arg-type]


@lru_cache
def predictor(model: str) -> Predictor:
    """The model of the materials, whose weights are always the same."""
    checkpoint = Path(model) / 'tiny.pth'
    return Predictor(None, checkpoint, 'cpu')


def maps(
    values: np.ndarray | None = None,
    valid: np.ndarray | None = None,
    says: str = '',
    **options: object,
) -> Check:
    """A check that `out/labels.tif` is the map of some pixels.

    Args:
        values (np.ndarray | None): (H, W, 3) uint8; default: of `scene.tif`.
        valid (np.ndarray | None): (H, W) bool; where there is data.
        says (str): What the tool must print.
        **options: Of `Predictor.predict`.
    """

    def check(folder: Path, end: Ended) -> None:
        image = pixels() if values is None else values
        model = predictor(str(folder / 'model'))
        expected = model.predict(image, WORDS, **options).labels.copy()
        if valid is not None:
            expected[~valid] = 255
        with rasterio.open(folder / 'out' / 'labels.tif') as data:
            found = data.read(1)
        assert found.shape == expected.shape, found.shape
        different = (found != expected).mean()
        assert different < 0.02, f'{different:.0%} of the pixels differ'
        finished(says)(folder, end)

    return check


def finished(says: str = '', note: str = '') -> Check:
    """A check that every result is there and can be read."""

    def check(folder: Path, end: Ended) -> None:
        out = folder / 'out'
        report = json.loads((out / 'report.json').read_text())
        for name in report['files'].values():
            assert (out / name).stat().st_size > 0, name
        with rasterio.open(out / 'labels.tif') as data:
            assert set(np.unique(data.read(1))) <= {*range(254), 255}
        assert says in end.err + end.out, f'not said: {says}'
        assert note in ' '.join(report['notes']), report['notes']
        assert not (out / '.aeroseg').exists()
        assert not (out / '.aeroseg.lock').exists()

    return check


def named(*names: str) -> Check:
    """A check that every file of the results gives the names as they are."""

    def check(folder: Path, end: Ended) -> None:
        finished()(folder, end)
        out = folder / 'out'
        with (out / 'classes.csv').open(newline='', encoding='utf-8') as file:
            table = [row['name'] for row in csv.DictReader(file)]
        style = ET.parse(out / 'labels.qml').iter('paletteEntry')
        with rasterio.open(out / 'labels.tif') as data:
            tags = data.tags(1)
        assert table == list(names), table
        assert [entry.get('label') for entry in style] == list(names)
        assert [tags[f'CLASS_{i}'] for i in range(len(names))] == list(names)
        with rasterio.open(out / 'scores.tif') as data:
            assert data.descriptions == names
        with closing(sqlite3.connect(out / 'polygons.gpkg')) as base:
            found = base.execute('SELECT DISTINCT class FROM classes')
            assert {name for (name,) in found} <= set(names)

    return check


def tall(folder: Path) -> None:
    """Make `scene.tif` six strips of windows high."""
    write_scene(folder / 'scene.tif', pixels(300, 70))


def complete(folder: Path) -> None:
    """A complete run of the good command."""
    _run(folder)


def stopped(folder: Path, passes: int = 4) -> None:
    """A run of the good command on a tall scene that was stopped."""
    tall(folder)
    ask = VocabularyModel.predict_scores
    thread, done = threading.get_ident(), 0

    def stop(self: VocabularyModel, images: object) -> object:
        nonlocal done
        done += threading.get_ident() == thread
        if threading.get_ident() == thread and done > passes:
            raise KeyboardInterrupt
        return ask(self, images)  # type: ignore[arg-type]

    with (
        _PATCHING,  # the campaign injects two faults at a time
        suppress(KeyboardInterrupt),
        patch.object(VocabularyModel, 'predict_scores', stop),
    ):
        _run(folder)


def _run(folder: Path) -> None:
    if not (folder / 'model').exists():
        write_model(folder / 'model')
    model = predictor(str(folder / 'model'))
    model.predict_scene(
        folder / 'scene.tif', folder / 'out', WORDS, progress=False
    )
