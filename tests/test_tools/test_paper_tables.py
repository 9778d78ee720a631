# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""tools/paper_tables.py forwards to the study of the same name."""

import subprocess
import sys
from pathlib import Path


def test_arguments_message_and_exit_status_are_those_of_the_study(
    root: Path, tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, root / 'tools/paper_tables.py', 'no/such folder'],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(
        'error: no folder no/such folder'
    )
