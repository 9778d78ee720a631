# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""AerOSeg: open-vocabulary segmentation of remote-sensing images.

Importing the package checks the versions of OpenMMLab and registers
everything in mmseg's registries; a config needs one line for that,
``custom_imports = dict(imports=['aeroseg'])``.
"""

from .environment import check_versions, find_installed_configs
from .version import __version__

check_versions()
find_installed_configs()

from . import (  # noqa: E402
    checkpoints,
    datasets,
    engine,
    evaluation,
    models,
    visualization,
    world,
)
from .vocabulary import Vocabulary  # noqa: E402

__all__ = [
    'Vocabulary',
    '__version__',
    'checkpoints',
    'datasets',
    'engine',
    'evaluation',
    'models',
    'visualization',
    'world',
]
