# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""One fault that is injected, and the verdict on what a tool made of it."""

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tool_process import Ended, ToolRun

# 'refused': one sentence that names the cause. 'done': the result is right.
# 'unclear': refused, but by a traceback or a sentence without the cause.
# 'silent': a wrong or lost result with status 0, or a user's file was changed.
VERDICTS = ('refused', 'done', 'unclear', 'silent')


@dataclass(frozen=True)
class Fault:
    """A fault and what a good tool makes of it.

    Attributes:
        name (str): In words, such as 'checkpoint: cut in half'.
        tool (str): 'tools/predict.py', ....
        arguments (tuple[str, ...]): Command line; the working directory is
            the folder of the case.
        prepare (Callable): Makes the fault in the folder, which holds good
            material.
        says (str): Regular expression that a refusal must match: the cause,
            with the name of the file or option.
        done (Callable | None): If the fault may be coped with: raises
            AssertionError unless the result in the folder is right. None if
            it must be refused.
        keeps (tuple[str, ...]): Globs of files that must stay as they were;
            default: everything that was there.
        limits (Mapping): Limits of :class:`ToolRun`.
    """

    name: str
    tool: str
    arguments: tuple[str, ...]
    prepare: Callable[[Path], object]
    says: str
    done: Callable[[Path, Ended], object] | None = None
    keeps: tuple[str, ...] = ('**/*',)
    limits: Mapping[str, int] = field(default_factory=dict)


def inject(fault: Fault, folder: Path) -> tuple[str, str]:
    """Make the fault, run the tool, judge.

    Args:
        fault (Fault): The fault.
        folder (Path): Holds good material; a copy for this case alone.

    Returns:
        tuple[str, str]: The verdict and what led to it.
    """
    fault.prepare(folder)
    before = _state(folder, fault.keeps)
    run = ToolRun(fault.tool, fault.arguments, folder, **fault.limits)
    try:
        end = run.wait()
    except TimeoutError as error:
        return 'unclear', str(error)
    changed = _changed(folder, before)
    if changed:
        return 'silent', f'changed or removed: {changed[:3]}'
    return judge(fault, folder, end)


def judge(fault: Fault, folder: Path, end: Ended) -> tuple[str, str]:
    """The verdict on a run that has ended.

    Args:
        fault (Fault): What was wrong.
        folder (Path): Where the run worked.
        end (Ended): How it ended.
    """
    told = end.err.strip().splitlines()
    last = told[-1] if told else ''
    if end.status == 0:
        if fault.done is None:
            return 'silent', f'status 0; {end.out[-300:]}'
        try:
            fault.done(folder, end)
        except AssertionError as error:
            return 'silent', f'status 0 and a wrong result: {error}'
        return 'done', last
    if 'Traceback' in end.err or end.status not in (1, 2):
        return 'unclear', f'status {end.status}: {end.err[-600:]}'
    # Not in the log above it, which holds the config.
    if not re.search(fault.says, end.err + end.out[-3000:]):
        return 'unclear', f'does not name the cause: {last}'
    return 'refused', last


def _state(folder: Path, globs: tuple[str, ...]) -> dict[Path, str]:
    return {
        path: _digest(path)
        for pattern in globs
        for path in folder.glob(pattern)
        if path.is_file() and not path.is_symlink()
    }


def _changed(folder: Path, before: Mapping[Path, str]) -> list[str]:
    return [
        str(path.relative_to(folder))
        for path, digest in before.items()
        if not path.is_file() or _digest(path) != digest
    ]


def _digest(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except PermissionError:
        return 'unreadable'
