# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""tools/paper_tables.py forwards to the study of the same name."""

from pathlib import Path

from tool_process import run_tool


def test_arguments_message_and_exit_status_are_those_of_the_study(
    tmp_path: Path,
) -> None:
    done = run_tool('tools/paper_tables.py', 'no/such folder', folder=tmp_path)
    assert done.status == 1
    assert done.err.splitlines()[-1].startswith(
        'error: no folder no/such folder'
    )
