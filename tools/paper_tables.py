# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Runs studies/paper_tables.py, with the same arguments and exit status."""

import runpy
import sys
from pathlib import Path

STUDY = Path(__file__).resolve().parents[1] / 'studies/paper_tables.py'

if __name__ == '__main__':
    sys.path.insert(0, str(STUDY.parent))  # the modules next to it
    runpy.run_path(str(STUDY), run_name='__main__')
