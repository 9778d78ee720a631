# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""From an official download to a checked test set, in one call each."""

from collections.abc import Mapping
from pathlib import Path

from ..checking.dataset_check import DatasetCheck
from ..checking.splits import splits_of
from ..converters import (
    Conversion,
    Converter,
    DLRSDConverter,
    ISAIDConverter,
    OpenEarthMapConverter,
)
from .benchmark import OWN, load_benchmark
from .converter import BenchmarkConverter

_SHOWN = 3
# Sets with a converter of their own, as their commands have it by default.
_OTHERS: Mapping[str, type[Converter]] = {
    'dlrsd': DLRSDConverter,
    'isaid': ISAIDConverter,
    'openearthmap': OpenEarthMapConverter,
}


def converter_of(
    benchmark: str, source: str | Path, protocol: str = OWN
) -> Converter:
    """The converter of a set, with the tiles of a protocol.

    Args:
        benchmark (str): Name of the set.
        source (str | Path): Folder or archive of the download.
        protocol (str): Whose tiles are cut. Default: those of the set.

    Raises:
        ValueError: If the set or the protocol is unknown, or the source is
            another dataset.
    """
    tile = load_benchmark(benchmark).wording(protocol).tile
    if benchmark in _OTHERS:
        return _OTHERS[benchmark]([source])  # type: ignore[call-arg]
    return BenchmarkConverter([source], benchmark, tile)


def convert(
    benchmark: str, source: str | Path, out: str | Path, protocol: str = OWN
) -> list[str]:
    """Convert a download; what an earlier run finished is kept.

    Args:
        benchmark (str): Name of the set.
        source (str | Path): Folder or archive of the download.
        out (str | Path): Folder to write.
        protocol (str): Whose tiles are cut. Default: those of the set.

    Returns:
        list[str]: The report of the converter.

    Raises:
        FileNotFoundError: If files of the download are missing.
        ValueError: If it is another dataset or has faults.
    """
    conversion = Conversion(converter_of(benchmark, source, protocol), out)
    for _ in conversion.run():
        pass
    return list(conversion.finish()['report'])


def check(root: str | Path, sample: int = 32) -> list[str]:
    """Read a sample of the pairs of every part.

    Args:
        root (str | Path): Folder that a converter wrote.
        sample (int): Pairs per part. Default: 32.

    Returns:
        list[str]: The first warnings, one sentence each.

    Raises:
        FileNotFoundError: If the folder has no parts.
        ValueError: If the data have a fault.
    """
    checked = DatasetCheck(splits_of(root), sample)
    for _ in checked.run():
        pass
    findings = checked.findings()
    errors = [str(f) for f in findings if f.level == 'error']
    if errors:
        raise ValueError(
            f'{root} has faults; tools/check_dataset.py checks all files:\n- '
            + '\n- '.join(errors)
        )
    warnings = [str(f) for f in findings if f.level == 'warning']
    rest = len(warnings) - _SHOWN
    more = f'{rest} more warnings; tools/check_dataset.py {root} shows them'
    return warnings[:_SHOWN] + [more] * (rest > 0)
