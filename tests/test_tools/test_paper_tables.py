# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""tools/paper_tables.py forwards to the study of the same name."""

import shutil
import subprocess
import sys
from pathlib import Path

# In place of the study, which takes seconds to import.
STUDY = """
import sys
print(sys.argv[1:])
sys.exit(3)
"""


def test_arguments_and_exit_status_are_those_of_the_study(
    root: Path, tmp_path: Path
) -> None:
    assert (root / 'studies' / 'paper_tables.py').is_file()
    for folder in ('tools', 'studies'):
        (tmp_path / folder).mkdir()
    shutil.copy(root / 'tools' / 'paper_tables.py', tmp_path / 'tools')
    (tmp_path / 'studies' / 'paper_tables.py').write_text(STUDY)
    done = subprocess.run(
        [sys.executable, 'tools/paper_tables.py', 'no/such folder', '--run'],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert done.stdout.strip() == "['no/such folder', '--run']"
    assert done.returncode == 3
