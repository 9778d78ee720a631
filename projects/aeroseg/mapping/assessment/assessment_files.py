# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""An assessment as tables, JSON and a picture."""

import csv
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from aeroseg.files import atomic_path

from .estimators import Estimate, assess
from .label_map import LabelMap
from .points_file import OTHER
from .strata import Points, Strata

_COLUMNS = (
    'class', 'mapped', 'estimated', 'standard_error', 'low', 'high',
    'users_accuracy', 'users_low', 'users_high',
    'producers_accuracy', 'producers_low', 'producers_high', 'points',
)  # fmt: skip


def assess_points(
    labels: LabelMap, strata: Strata, points: Points, words: Sequence[str]
) -> dict[str, Any]:
    """Assess a map with labelled points.

    Args:
        labels (LabelMap): The map.
        strata (Strata): Of that map.
        points (Points): Drawn from it.
        words (Sequence[str]): The class of each in truth; '' where unknown,
            which leaves the point out.

    Returns:
        dict: Plain values: 'unit' ('ha' or 'pixels'), 'points',
        'overall_accuracy' with 'overall_low' and 'overall_high', 'classes'
        (a dict each, with the columns of `areas.csv`; accuracies in percent),
        'error_matrix' of points and 'area_matrix' of estimated shares.

    Raises:
        ValueError: If a class of the map has fewer than two labelled points.
    """
    columns = [*labels.names, OTHER]
    if OTHER in labels.names:
        columns.pop()
    counts = np.zeros((len(labels.names), len(columns)), np.int64)
    for stratum, word in zip(points.stratum, words, strict=True):
        if word:
            counts[stratum, columns.index(word)] += 1
    _check_points(counts, strata, labels.names)
    found = assess(counts, strata.areas, strata.pixels)
    total = float(strata.areas.sum())
    rows = []
    for index, name in enumerate(columns):
        mapped = index < len(labels.names)
        rows.append(
            {
                'class': name,
                'mapped': float(strata.areas[index]) if mapped else 0.0,
                'estimated': float(total * found.area.value[index]),
                'standard_error': float(total * found.area.error[index]),
                'low': float(total * found.area.low[index]),
                'high': float(total * found.area.high[index]),
                **_percent(found.users, index, 'users'),
                **_percent(found.producers, index, 'producers'),
                'points': int(counts[index].sum()) if mapped else 0,
            }
        )
    rows = [row for row in rows if row['mapped'] or row['estimated']]
    return {
        'map': str(labels.path),
        'sha256': labels.digest(),
        'unit': 'ha' if strata.in_hectares else 'pixels',
        'total': total,
        'points': int(counts.sum()),
        'overall_accuracy': 100 * float(found.overall.value),
        'overall_low': 100 * float(found.overall.low),
        'overall_high': 100 * float(found.overall.high),
        'classes': rows,
        'columns': columns,
        'error_matrix': counts.tolist(),
        'area_matrix': found.shares.tolist(),
    }


def _check_points(
    counts: np.ndarray, strata: Strata, names: Sequence[str]
) -> None:
    number = counts.sum(axis=1)
    few = (number < np.minimum(2, strata.pixels)) & (strata.pixels > 0)
    if few.any():
        classes = ', '.join(
            f'{names[i]} ({number[i]})' for i in np.flatnonzero(few).tolist()
        )
        raise ValueError(
            f'too few labelled points in what the map calls {classes}; each '
            'class needs at least two. Label more of them'
        )


def _percent(estimate: Estimate, index: int, name: str) -> dict[str, float]:
    keys = {'accuracy': 'value', 'low': 'low', 'high': 'high'}
    columns = {k: getattr(estimate, field) for k, field in keys.items()}
    return {
        f'{name}_{key}': 100 * float(values[index])
        if index < len(values)
        else math.nan
        for key, values in columns.items()
    }


def write_assessment(
    result: dict[str, Any], labels: LabelMap, folder: Path
) -> None:
    """Write `areas.csv`, `error_matrix.csv`, `assessment.json` and `.png`.

    Args:
        result (dict): Of :func:`assess_points`.
        labels (LabelMap): The map; gives the colours.
        folder (Path): Where they go.
    """
    rows: list[list[Any]] = [list(_COLUMNS)]
    for row in result['classes']:
        rows.append([_cell(row[key]) for key in _COLUMNS])
    _write_csv(rows, folder / 'areas.csv')
    rows = [['map / truth', *result['columns']]]
    for name, line in zip(labels.names, result['error_matrix'], strict=True):
        rows.append([name, *line])
    _write_csv(rows, folder / 'error_matrix.csv')
    with atomic_path(folder / 'assessment.json') as part:
        text = json.dumps(_without_nan(result), indent=1, allow_nan=False)
        part.write_text(text + '\n', encoding='utf-8')
    _draw(result, labels, folder / 'assessment.png')


def _cell(value: Any) -> str:
    if not isinstance(value, float):
        return str(value)
    return '' if math.isnan(value) else f'{value:.4f}'


def _write_csv(rows: list[list[Any]], path: Path) -> None:
    with (
        atomic_path(path) as part,
        part.open('w', newline='', encoding='utf-8') as file,
    ):
        csv.writer(file).writerows(rows)


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_without_nan(entry) for entry in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _draw(result: dict[str, Any], labels: LabelMap, path: Path) -> None:
    """Mapped and estimated areas next to each other."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    classes = result['classes']
    figure = Figure((8, 1.4 + 0.4 * len(classes)), layout='constrained')
    FigureCanvasAgg(figure)
    axis = figure.subplots()
    colours = dict(zip(labels.names, labels.colours, strict=True))
    rows = np.arange(len(classes))
    names = [row['class'] for row in classes]
    value = np.array([row['estimated'] for row in classes])
    reach = [
        value - [row['low'] for row in classes],
        [row['high'] for row in classes] - value,
    ]
    axis.barh(
        rows,
        [row['mapped'] for row in classes],
        0.7,
        color=[colours.get(name, 'white') for name in names],
        edgecolor='grey',
        label='mapped',
    )
    axis.errorbar(
        value,
        rows,
        xerr=np.maximum(reach, 0),
        fmt='ko',
        capsize=4,
        label='estimated, with 95 % interval',
    )
    axis.set_yticks(rows, names)
    axis.invert_yaxis()
    axis.set_xlim(left=0)
    axis.set_xlabel(f'area, {result["unit"]}')
    accuracy, low, high = (
        f'{result[f"overall_{key}"]:.1f}'
        for key in ('accuracy', 'low', 'high')
    )
    axis.set_title(
        f'{result["points"]} points; overall accuracy {accuracy} % '
        f'[{low}, {high}]',
        fontsize=10,
    )
    axis.legend()
    with atomic_path(path) as part:
        figure.savefig(part, dpi=100)
