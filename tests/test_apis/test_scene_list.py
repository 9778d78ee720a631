# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
from pathlib import Path

import pytest

from aeroseg.apis.scene_list import Task, find_scenes, plan, share


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ('b.tif', 'a.PNG', 'notes.txt', 'x/a.tif', 'y/a.tif'):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b'x')
    return tmp_path


def test_files_folders_and_globs(folder: Path) -> None:
    a, b = folder / 'a.PNG', folder / 'b.tif'
    assert find_scenes([str(folder)]) == [a, b]
    assert find_scenes([str(folder / '*.tif'), str(a)]) == [b, a]
    assert find_scenes([str(b), str(folder)]) == [b, a]
    assert len(find_scenes([str(folder / '*' / '*.tif')])) == 2


def test_nothing_found_is_an_error(folder: Path) -> None:
    with pytest.raises(FileNotFoundError, match='no file nowhere'):
        find_scenes(['nowhere.tif'])
    (folder / 'empty').mkdir()
    with pytest.raises(ValueError, match='holds no image'):
        find_scenes([str(folder / 'empty')])


def test_one_scene_goes_into_the_folder_itself(folder: Path) -> None:
    scene, out = folder / 'b.tif', folder / 'out'
    assert plan([scene], out) == [Task(scene, out)]
    two = plan([scene, folder / 'a.PNG'], out)
    assert [task.out for task in two] == [out / 'b', out / 'a']


def test_equal_names_get_different_folders(folder: Path) -> None:
    scenes = [folder / 'x' / 'a.tif', folder / 'y' / 'a.tif']
    outs = [task.out for task in plan(scenes, folder / 'out')]
    assert outs == [folder / 'out/x/a_tif', folder / 'out/y/a_tif']


@pytest.mark.parametrize('world_size', [1, 2, 3, 8])
def test_every_task_is_done_once_and_evenly(
    tmp_path: Path, world_size: int
) -> None:
    tasks = []
    for index, size in enumerate((900, 5, 300, 300, 200, 40, 7)):
        scene = tmp_path / f'{index}.tif'
        scene.write_bytes(bytes(size))
        tasks.append(Task(scene, tmp_path))
    parts = [share(tasks, rank, world_size) for rank in range(world_size)]
    done = [task for part in parts for task in part]
    assert sorted(done) == sorted(tasks)
    loads = [sum(t.scene.stat().st_size for t in part) for part in parts]
    assert max(loads) <= max(900, sum(loads) / world_size + 300)


def test_a_file_named_twice_is_one_scene(folder: Path) -> None:
    link = folder / 'link.tif'
    link.symlink_to('b.tif')
    twice = [folder / 'b.tif', folder / 'x' / '..' / 'b.tif', link]
    assert find_scenes(list(map(str, twice))) == [folder / 'b.tif']


def test_two_scenes_never_share_a_folder(folder: Path) -> None:
    scenes = [folder / name for name in ('x/a.tif', 'x/a_tif', 'y/a.tif')]
    with pytest.raises(ValueError, match='both be written to'):
        plan(scenes, folder / 'out')


def test_addresses_are_scenes_next_to_files(tmp_path: Path) -> None:
    (tmp_path / 'a.tif').touch()
    url = 'https://host/x/b.tif?sig=1'
    found = find_scenes([str(tmp_path / 'a.tif'), url, url])
    assert [str(scene) for scene in found] == [
        str(tmp_path / 'a.tif'),
        'https://host/x/b.tif',
    ]
    tasks = plan(found, tmp_path)
    assert [task.out.name for task in tasks] == ['a', 'b']
    shares = [share(tasks, rank, 2) for rank in range(2)]
    assert sorted(len(part) for part in shares) == [1, 1]
    same = find_scenes([str(tmp_path / 'a.tif'), 's3://bucket/a.tif'])
    with pytest.raises(ValueError, match="several scenes are named 'a'"):
        plan(same, tmp_path)
