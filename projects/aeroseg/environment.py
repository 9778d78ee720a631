# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Whether AerOSeg runs with the installed OpenMMLab packages.

``python -m aeroseg.environment`` prints a report to paste into an issue.
"""

import importlib
import re
import warnings
from contextlib import redirect_stdout
from io import StringIO
from types import ModuleType

# Import name -> oldest version that works, and why.
_NEEDED = {
    'mmengine': ((0, 10, 0), 'configs with {{_base_}} variables of any type'),
    'mmcv': ((2, 0, 0), 'the transforms of mmseg 1.x'),
    'mmseg': ((1, 2, 0), 'SegDataPreProcessor pads the batches of a test'),
}
FIX = (
    'pip install -U onedl-mmcv onedl-mmengine onedl-mmsegmentation '
    'onedl-mmpretrain'
)


def check_versions() -> dict[str, str]:
    """Import mmengine, mmcv and mmseg and check their versions.

    Returns:
        dict[str, str]: Import name -> version.

    Raises:
        ImportError: If one is missing, too old, or does not fit the others;
            the message names the one command that fixes it.
    """
    found = {}
    for name, (least, reason) in _NEEDED.items():
        version = _import(name).__version__
        if _numbers(version) < least:
            wanted = '.'.join(map(str, least))
            raise ImportError(
                f'AerOSeg needs {name} >= {wanted} ({reason}); found '
                f'{version}. To fix it: {FIX}'
            )
        found[name] = version
    # The parts that print notes when they are imported.
    _import('mmseg.datasets')
    _import('mmseg.models')
    return found


def _import(name: str) -> ModuleType:
    # They print notes on optional parts (OneDL, compiled operators) that
    # AerOSeg does not use.
    silence = redirect_stdout(StringIO())
    try:
        with silence, warnings.catch_warnings(record=True):
            return importlib.import_module(name)
    except (ImportError, AssertionError) as error:
        # mmseg asserts its range of mmcv and mmengine versions.
        raise ImportError(
            f'AerOSeg cannot import {name}: {error}. To fix it: {FIX}'
        ) from error


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(n) for n in re.findall(r'\d+', version)[:3])


def find_installed_configs() -> None:
    """Make ``_base_ = 'mmseg::...'`` and ``'aeroseg::...'`` work.

    mmengine looks such a config up in the distribution ``mmsegmentation``,
    and does not find it where mmseg comes from ``onedl-mmsegmentation``. With
    the import name instead it finds the folder of the package itself, from
    whatever distribution it came. Other packages (``mmpretrain::...``) have
    one name for both, but mmengine knows OpenMMLab's packages alone.
    """
    from mmengine.config.utils import MODULE2PACKAGE

    MODULE2PACKAGE.update(mmseg='mmseg', aeroseg='aeroseg')


def report() -> str:
    """Versions of all packages that matter, one per line."""
    from mmengine.utils.dl_utils import collect_env

    from .version import __version__

    lines = {'AerOSeg': __version__, **check_versions()}
    for name in ('open_clip', 'timm', 'segment_anything', 'rasterio'):
        try:
            module = importlib.import_module(name)
            lines[name] = getattr(module, '__version__', 'installed')
        except ImportError:
            lines[name] = 'not installed'
    lines.update({str(k): str(v) for k, v in collect_env().items()})
    lines.pop('PyTorch compiling details', None)
    return '\n'.join(f'{key}: {value}' for key, value in lines.items())


if __name__ == '__main__':
    print(report())  # noqa: T201
