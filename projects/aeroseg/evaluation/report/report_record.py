# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The full report as a record, as a JSON file and as text."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich import box
from rich.table import Table

from ..result_file import write_result
from ..score_table import format_score, render_table
from .bootstrap import REPLICATES, batch_means, score_intervals
from .image_counts import ImageCounts
from .score_histograms import ScoreHistograms

_FORMAT = 'aeroseg-report/1'
REPORT_FILE = 'report.json'


def report_record(
    counts: ImageCounts,
    histograms: ScoreHistograms | None,
    passes: Mapping[str, Any],
) -> dict[str, Any]:
    """Everything the report says.

    Args:
        counts (ImageCounts): Of the test.
        histograms (ScoreHistograms | None): Of its probabilities; None if
            the results had none.
        passes (Mapping): Of :func:`run_passes`.

    Returns:
        dict: Plain values, percent where not said otherwise.
    """
    means, classes = score_intervals(counts.dense(), counts.seen)
    near, near_classes = score_intervals(counts.dense(True), counts.seen)
    marks = counts.seen or (None,) * len(counts.classes)
    record: dict[str, Any] = {
        'images': len(counts.images),
        'replicates': REPLICATES,
        'boundary_width': counts.boundary_width,
        'means': {name: value._asdict() for name, value in means.items()},
        'boundary_means': {k: v._asdict() for k, v in near.items()},
        'classes': [
            {
                'name': name,
                'seen': mark,
                'IoU': iou._asdict(),
                'boundary_IoU': edge._asdict(),
            }
            for name, mark, iou, edge in zip(
                counts.classes, marks, classes, near_classes, strict=True
            )
        ],
        'passes': dict(passes),
    }
    if histograms is not None:
        areas = 100 * histograms.average_precision()
        for entry, area in zip(record['classes'], areas, strict=True):
            entry['AP'] = float(area)
        record['AP_means'] = {
            name.replace('mIoU', 'mAP'): float(value)
            for name, value in batch_means(areas, counts.seen).items()
        }
        curve = histograms.reliability()
        record['calibration'] = {
            'expected_calibration_error': 100 * curve.error,
            'pixels': curve.pixels.tolist(),
            'confidence': (100 * curve.confidence).tolist(),
            'accuracy': (100 * curve.accuracy).tolist(),
        }
    return record


def write_record(record: Mapping[str, Any], folder: Path) -> None:
    """Write `report.json`, complete or not at all; nan becomes null."""
    write_result(folder / REPORT_FILE, record, _FORMAT)


def report_text(record: Mapping[str, Any]) -> str:
    """The report for the log and the terminal.

    Args:
        record (Mapping): Of :func:`report_record`.
    """
    parts = [_classes_table(record), _means_table(record)]
    if 'calibration' in record:
        error = record['calibration']['expected_calibration_error']
        parts.append(f'Expected calibration error: {error:.2f} %')
    else:
        parts.append(
            'No calibration and no average precision: the results carry no '
            'logits per class (model.test_cfg.keep_logits=True keeps them).'
        )
    parts += _pass_tables(record['passes'])
    return '\n'.join(parts)


def format_interval(value: Mapping[str, float]) -> str:
    """A score with its interval, such as '52.10 [50.88, 53.41]'."""
    low, high = (format_score(value[key]) for key in ('low', 'high'))
    return f'{format_score(value["value"])} [{low}, {high}]'


def _table(*columns: str) -> Table:
    table = Table(box=box.ASCII2)
    for index, column in enumerate(columns):
        table.add_column(column, justify='right' if index else 'left')
    return table


def _classes_table(record: Mapping[str, Any]) -> str:
    width = record['boundary_width']
    edge = f'boundary IoU ({width} px)'
    table = _table('class', 'IoU [95 %]', edge, 'AP')
    for entry in record['classes']:
        table.add_row(
            entry['name'],
            format_interval(entry['IoU']),
            format_score(entry['boundary_IoU']['value']),
            format_score(entry.get('AP', math.nan)),
        )
    return render_table(table)


def _means_table(record: Mapping[str, Any]) -> str:
    images, draws = record['images'], record['replicates']
    table = _table(
        f'{images} images, {draws} draws', 'IoU [95 %]', 'boundary IoU', 'AP'
    )
    for name, value in record['means'].items():
        areas = record.get('AP_means', {})
        table.add_row(
            name,
            format_interval(value),
            format_interval(record['boundary_means'][name]),
            format_score(areas.get(name.replace('mIoU', 'mAP'), math.nan)),
        )
    return render_table(table)


def _pass_tables(passes: Mapping[str, Any]) -> list[str]:
    parts = []
    if 'wordings' in passes:
        rows = passes['wordings']['means']
        count = len(next(iter(rows.values()))['rounds'])
        table = _table(f'{count} wordings', 'mean', 'std', 'low', 'high')
        for name, row in rows.items():
            keys = ('mean', 'std', 'low', 'high')
            table.add_row(name, *(format_score(row[key]) for key in keys))
        parts.append(render_table(table))
    if 'distractors' in passes:
        parts.append(_distractor_table(passes['distractors']))
    if 'background' in passes:
        table = _table('class left out', 'AUROC of background')
        for entry in passes['background']['classes']:
            table.add_row(entry['name'], format_score(entry['AUROC']))
        for name, value in passes['background']['means'].items():
            table.add_row(name.replace('mIoU', 'mean'), format_score(value))
        parts.append(render_table(table))
    return parts


def _distractor_table(rows: Sequence[Mapping[str, Any]]) -> str:
    names = [key for key in rows[0] if key not in ('words', 'taken_percent')]
    table = _table('distractor words', *names, 'pixels they take')
    for row in rows:
        scores = [format_score(row[name]) for name in names]
        taken = f'{row["taken_percent"]:.2f} %'
        table.add_row(str(row['words']), *scores, taken)
    return render_table(table)
