# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Files that are complete or not there, folders that one run uses."""

from .atomic import atomic_path, require_utf8
from .folder_lock import LOCK, lock_folder

__all__ = ['LOCK', 'atomic_path', 'lock_folder', 'require_utf8']
