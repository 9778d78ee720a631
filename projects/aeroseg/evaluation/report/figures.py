# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The pictures of the full report."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from aeroseg.files import atomic_path

_SEEN, _UNSEEN = '#3b6ea8', '#d9822b'
_DPI = 100


def draw_figures(record: Mapping[str, Any], folder: Path) -> None:
    """Draw a report: `classes.png`, `reliability.png` and `passes.png`.

    Args:
        record (Mapping): Of :func:`report_record`.
        folder (Path): Where they go. What the report lacks is not drawn.
    """
    classes = record['classes']
    figure = _new_figure(9, 1.2 + 0.3 * len(classes))
    left, right = figure.subplots(1, 2, sharey=True)
    _draw_iou(left, classes, record['boundary_width'])
    _draw_precision(right, classes)
    _save(figure, folder / 'classes.png')
    if 'calibration' in record:
        figure = _new_figure(5, 5.5)
        _draw_reliability(figure, record['calibration'])
        _save(figure, folder / 'reliability.png')
    passes = record['passes']
    drawn = [name for name in _PASSES if name in passes]
    if drawn:
        height = 1.2 + 0.3 * len(classes)
        figure = _new_figure(5 * len(drawn), height)
        axes = figure.subplots(1, len(drawn), squeeze=False)[0]
        for axis, name in zip(axes, drawn, strict=True):
            _PASSES[name](axis, passes[name], classes)
        _save(figure, folder / 'passes.png')


def _new_figure(width: float, height: float) -> Figure:
    figure = Figure((width, height), layout='constrained')
    FigureCanvasAgg(figure)
    return figure


def _save(figure: Figure, path: Path) -> None:
    with atomic_path(path) as part:
        figure.savefig(part, dpi=_DPI)


def _colours(classes: Sequence[Mapping[str, Any]]) -> list[str]:
    unseen = [entry['seen'] is False for entry in classes]
    return [_UNSEEN if mark else _SEEN for mark in unseen]


def _name_rows(axis: Axes, classes: Sequence[Mapping[str, Any]]) -> np.ndarray:
    rows = np.arange(len(classes))
    axis.set_yticks(rows, [entry['name'] for entry in classes])
    axis.set_ylim(len(classes) - 0.5, -0.5)
    axis.set_xlim(0, 100)
    axis.grid(axis='x', alpha=0.3)
    return rows


def _draw_iou(
    axis: Axes, classes: Sequence[Mapping[str, Any]], width: int
) -> None:
    rows, colours = _name_rows(axis, classes), _colours(classes)
    value, low, high = (
        np.array([entry['IoU'][key] for entry in classes])
        for key in ('value', 'low', 'high')
    )
    axis.barh(rows, np.nan_to_num(value), color=colours, height=0.7)
    # With few images a percentile can lie on the wrong side by a hair.
    lengths = np.nan_to_num([(value - low).clip(0), (high - value).clip(0)])
    axis.errorbar(
        np.nan_to_num(value), rows, xerr=lengths, fmt='none', ecolor='black'
    )
    edges = [entry['boundary_IoU']['value'] for entry in classes]
    axis.plot(edges, rows, 'k|', label=f'within {width} px of a boundary')
    if any(entry['seen'] is False for entry in classes):
        axis.barh([0], [0], color=_SEEN, label='seen')
        axis.barh([0], [0], color=_UNSEEN, label='unseen')
    axis.set_xlabel('IoU with 95 % interval, %')
    # Above the bars: inside it would hide some of them.
    axis.legend(
        fontsize='x-small',
        ncols=3,
        loc='lower center',
        bbox_to_anchor=(0.5, 1),
    )


def _draw_precision(axis: Axes, classes: Sequence[Mapping[str, Any]]) -> None:
    rows = _name_rows(axis, classes)
    areas = [entry.get('AP', np.nan) for entry in classes]
    axis.barh(rows, np.nan_to_num(areas), color=_colours(classes), height=0.7)
    axis.set_xlabel('average precision, %')


def _draw_reliability(figure: Figure, curve: Mapping[str, Any]) -> None:
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    number = len(curve['pixels'])
    middles = (np.arange(number) + 0.5) * 100 / number
    accuracy = np.nan_to_num(curve['accuracy'])
    upper.bar(middles, accuracy, 100 / number * 0.9, color=_SEEN)
    upper.plot(curve['confidence'], curve['accuracy'], 'ko', markersize=3)
    upper.plot([0, 100], [0, 100], 'k--', linewidth=1)
    error = curve['expected_calibration_error']
    upper.set_title(f'expected calibration error {error:.2f} %', fontsize=10)
    upper.set_ylabel('right, %')
    upper.set_ylim(0, 100)
    pixels = np.array(curve['pixels'])
    share = 100 * pixels / max(pixels.sum(), 1)
    lower.bar(middles, share, 100 / number * 0.9, color='grey')
    lower.set_ylabel('pixels, %')
    lower.set_xlabel('probability of the predicted class, %')
    lower.set_xlim(0, 100)


def _draw_wordings(
    axis: Axes, found: Mapping[str, Any], classes: Sequence[Mapping[str, Any]]
) -> None:
    rows = _name_rows(axis, classes)
    for row, entry, colour in zip(
        rows, found['classes'], _colours(classes), strict=True
    ):
        rounds = entry['rounds']
        axis.plot(rounds, [row] * len(rounds), 'o', color=colour, alpha=0.6)
    axis.set_xlabel('IoU under each wording, %')


def _draw_distractors(
    axis: Axes,
    found: Sequence[Mapping[str, Any]],
    classes: Sequence[Mapping[str, Any]],
) -> None:
    del classes
    places = range(len(found))
    for name in found[0]:
        if name != 'words' and name != 'taken_percent':
            axis.plot(places, [row[name] for row in found], 'o-', label=name)
    taken = [row['taken_percent'] for row in found]
    axis.plot(places, taken, 'k--', label='pixels taken')
    axis.set_xticks(places, [str(row['words']) for row in found])
    axis.set_ylim(0, 100)
    axis.set_xlabel('distractor words')
    axis.set_ylabel('%')
    axis.grid(alpha=0.3)
    axis.legend(fontsize='x-small')


def _draw_background(
    axis: Axes, found: Mapping[str, Any], classes: Sequence[Mapping[str, Any]]
) -> None:
    rows = _name_rows(axis, classes)
    areas = [entry['AUROC'] for entry in found['classes']]
    axis.barh(rows, np.nan_to_num(areas), color=_colours(classes), height=0.7)
    axis.axvline(50, color='black', linestyle='--', linewidth=1)
    axis.set_xlabel('AUROC of background without the class, %')


_PASSES: dict[str, Callable[[Axes, Any, Sequence[Mapping]], None]] = {
    'wordings': _draw_wordings,
    'distractors': _draw_distractors,
    'background': _draw_background,
}
