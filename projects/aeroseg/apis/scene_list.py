# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Scenes of a command line, their output folders and processes."""

import os
from collections.abc import Sequence
from glob import glob
from pathlib import Path
from typing import NamedTuple

from aeroseg.mapping.reading.remote_scene import (
    RemoteScene,
    Scene,
    is_remote,
)

_SUFFIXES = ('.tif', '.tiff', '.png', '.jpg', '.jpeg', '.jp2', '.img', '.vrt')


class Task(NamedTuple):
    """A scene and the folder of its results.

    Attributes:
        scene (Scene): The file, or its address.
        out (Path): The folder.
    """

    scene: Scene
    out: Path


def find_scenes(inputs: Sequence[str]) -> list[Scene]:
    """Resolve files, folders, globs and addresses.

    Args:
        inputs (Sequence[str]): Files, folders and globs. A folder stands
            for the images directly inside it.

    Returns:
        list[Scene]: Each file once, in the order given; inside a folder or a
        glob by name.

    Raises:
        FileNotFoundError: If something matches no file.
        ValueError: If a folder holds no image.
    """
    scenes: list[Scene] = []
    for text in inputs:
        if is_remote(text):
            scenes.append(RemoteScene(text))
            continue
        path = Path(text)
        if path.is_dir():
            found = [
                file
                for file in sorted(path.iterdir())
                if file.suffix.lower() in _SUFFIXES and file.is_file()
            ]
            if not found:
                raise ValueError(
                    f'the folder {text} holds no image; looked for '
                    f'{", ".join(_SUFFIXES)}'
                )
        elif path.exists():
            found = [path]
        else:
            found = [Path(name) for name in sorted(glob(text))]  # noqa: PTH207
            if not found:
                raise FileNotFoundError(f'there is no file {text}')
        scenes += found
    # A file may be named twice, through a link or by another path.
    unique: dict[str, Scene] = {}
    for scene in scenes:
        # Not resolve(), which raises for a link to itself.
        remote = isinstance(scene, RemoteScene)
        key = str(scene) if remote else os.path.realpath(str(scene))
        unique.setdefault(key, scene)
    return list(unique.values())


def plan(scenes: Sequence[Scene], out: Path) -> list[Task]:
    """Give every scene a folder.

    Args:
        scenes (Sequence[Scene]): The files and addresses.
        out (Path): Folder for everything.

    Returns:
        list[Task]: One scene goes into `out` itself; several go into folders
        named by the file, or by its path where two files share a name.
    """
    if len(scenes) == 1:
        return [Task(scenes[0], out)]
    stems = [scene.stem for scene in scenes]
    if len(set(stems)) == len(stems):
        return [
            Task(scene, out / stem)
            for scene, stem in zip(scenes, stems, strict=True)
        ]
    full = [scene.resolve() for scene in scenes if isinstance(scene, Path)]
    if len(full) < len(scenes):
        twice = next(s for s in stems if stems.count(s) > 1)
        raise ValueError(
            f'several scenes are named {twice!r}, and some of them lie on '
            'another machine; predict them one by one, each with its --out'
        )
    root = Path(os.path.commonpath([path.parent for path in full]))
    folders = [p.relative_to(root).as_posix().replace('.', '_') for p in full]
    for scene, folder in zip(scenes, folders, strict=True):
        if folders.count(folder) > 1:
            raise ValueError(
                f'{scene} and another scene would both be written to '
                f'{out / folder}; rename one of them'
            )
    return [
        Task(scene, out / folder)
        for scene, folder in zip(scenes, folders, strict=True)
    ]


def share(tasks: Sequence[Task], rank: int, world_size: int) -> list[Task]:
    """The tasks of one of several processes.

    The largest files are assigned first, each to the process with the least
    work so far. Every process computes the same assignment.

    Args:
        tasks (Sequence[Task]): All tasks, the same in every process.
        rank (int): Of this process, from 0.
        world_size (int): Number of processes.

    Returns:
        list[Task]: Together with those of the other ranks, each task once.
    """
    load = [0] * world_size
    mine = []
    order = sorted(tasks, key=lambda task: -_size(task.scene))
    for task in order:
        least = load.index(min(load))
        load[least] += _size(task.scene) + 1
        if least == rank:
            mine.append(task)
    return mine


def _size(scene: Scene) -> int:
    """Bytes of a file; a scene elsewhere counts as an empty one."""
    return scene.stat().st_size if isinstance(scene, Path) else 0
