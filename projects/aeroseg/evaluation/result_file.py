# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The JSON files with the results of evaluations."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from aeroseg.files import atomic_path

RESULT_FORMAT = 'aeroseg-scores/1'


def write_result(
    path: str | Path, record: Mapping[str, Any], form: str = RESULT_FORMAT
) -> None:
    """Write a result file, complete or not at all.

    Args:
        path (str | Path): The JSON file; missing folders are created.
        record (Mapping): Plain values and named tuples, which become objects.
            A nan becomes null, since JSON has none.
        form (str): Name and version of the format, the first entry.
    """
    content = _plain({'format': form, **record})
    with atomic_path(path) as part:
        text = json.dumps(content, indent=1, allow_nan=False)
        part.write_text(text + '\n', encoding='utf-8')


def read_result(path: str | Path) -> dict[str, Any]:
    """Read what :func:`write_result` wrote.

    Args:
        path (str | Path): The JSON file.

    Returns:
        dict: The record; a score that was nan is None.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not a result file of this format.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f'there is no result file {path}; tools/test.py writes one into '
            'the work dir'
        )
    try:
        record = json.loads(path.read_text(encoding='utf-8'))
    except ValueError as error:
        raise ValueError(f'{path} is not a JSON file: {error}') from error
    form = record.get('format') if isinstance(record, dict) else None
    if form != RESULT_FORMAT:
        raise ValueError(
            f'{path} has the format {form!r}; expected {RESULT_FORMAT!r}, as '
            'OpenVocabIoUMetric writes it'
        )
    return record


def _plain(value: Any) -> Any:
    if hasattr(value, '_asdict'):
        value = value._asdict()
    if isinstance(value, Mapping):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(entry) for entry in value]
    if isinstance(value, (float, np.floating)):
        return float(value) if math.isfinite(value) else None
    return value
