# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""A generated aerial world with names made of attributes."""

from .load_world_scene import LoadWorldScene
from .scene import Scene, make_scene
from .world_dataset import WorldDataset

__all__ = ['LoadWorldScene', 'Scene', 'WorldDataset', 'make_scene']
