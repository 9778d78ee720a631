# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Runs studies/paper_tables.py, with the same arguments and exit status."""

import os
import sys
from pathlib import Path

STUDY = Path(__file__).resolve().parents[1] / 'studies/paper_tables.py'

if __name__ == '__main__':
    # The study takes the place of this process, so that signals reach it.
    os.execv(sys.executable, [sys.executable, str(STUDY), *sys.argv[1:]])
