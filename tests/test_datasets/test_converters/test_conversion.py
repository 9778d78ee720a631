# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
import hashlib
import json
import os
import shutil
import signal
import time
from pathlib import Path

import numpy as np
import pytest
from data.make_openearthmap import make_openearthmap, write_tif
from PIL import Image
from tool_process import ToolRun, run_tool

from aeroseg.datasets.converters import (
    Conversion,
    FolderConverter,
    OpenEarthMapConverter,
)

TOOL = 'tools/dataset_converters/openearthmap.py'


def start(source: Path, out: Path, workers: int = 1) -> Conversion:
    return Conversion(OpenEarthMapConverter([source], size=64), out, workers)


def convert(source: Path, out: Path, workers: int = 1) -> dict:
    conversion = start(source, out, workers)
    for _ in conversion.run():
        pass
    return conversion.finish()


def digests(root: Path) -> dict[str, str]:
    return {
        str(path.relative_to(root)): hashlib.sha256(
            path.read_bytes()
        ).hexdigest()
        for path in sorted(root.rglob('*'))
        if path.is_file()
    }


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return make_openearthmap(tmp_path / 'source')


def test_one_process_and_two_give_the_same_bytes(
    tmp_path: Path, source: Path
) -> None:
    convert(source, tmp_path / 'one')
    convert(source, tmp_path / 'two', workers=2)
    assert digests(tmp_path / 'one') == digests(tmp_path / 'two')
    assert (tmp_path / 'one/manifest.json').is_file()


def test_a_folder_and_its_archive_give_the_same_tiles(
    tmp_path: Path, source: Path
) -> None:
    convert(source, tmp_path / 'one')
    archive = shutil.make_archive(str(tmp_path / 'packed'), 'zip', source)
    convert(Path(archive), tmp_path / 'two', workers=2)
    one, two = digests(tmp_path / 'one'), digests(tmp_path / 'two')
    # The manifest names the archive as the origin; all else is equal.
    assert one.pop('tiles.jsonl') != two.pop('tiles.jsonl')
    assert one == two


def test_the_second_run_takes_up_the_rest(
    tmp_path: Path, source: Path
) -> None:
    convert(source, tmp_path / 'whole')
    first = start(source, tmp_path / 'out')
    runner = first.run()
    next(runner)
    runner.close()
    with (tmp_path / 'out/.tiles.jsonl.part').open('a') as log:
        log.write('{"scene": "cut off by a ki')
    (tmp_path / 'out/img_dir/train/.a.1.part.png').write_bytes(b'half')
    second = start(source, tmp_path / 'out')
    assert len(second.todo) == 3
    list(second.run())
    second.finish()
    assert digests(tmp_path / 'out') == digests(tmp_path / 'whole')


def test_a_finished_conversion_has_nothing_left_to_do(
    tmp_path: Path, source: Path
) -> None:
    convert(source, tmp_path / 'out')
    before = digests(tmp_path / 'out')
    assert start(source, tmp_path / 'out').todo == []
    convert(source, tmp_path / 'out')
    assert digests(tmp_path / 'out') == before


def test_a_deleted_tile_is_made_again(tmp_path: Path, source: Path) -> None:
    convert(source, tmp_path / 'out')
    before = digests(tmp_path / 'out')
    (tmp_path / 'out/ann_dir/train/aachen_1_64_0.png').unlink()
    assert len(start(source, tmp_path / 'out').todo) == 1
    convert(source, tmp_path / 'out')
    assert digests(tmp_path / 'out') == before


def test_a_killed_command_is_resumed(tmp_path: Path, source: Path) -> None:
    rng = np.random.default_rng(0)
    for i in range(100, 140):
        image = rng.integers(0, 256, (3, 256, 256), dtype=np.uint8)
        write_tif(source / f'aachen/images/aachen_{i}.tif', image)
        write_tif(source / f'aachen/labels/aachen_{i}.tif', image[:1] % 9)
    with (source / 'train.txt').open('a') as file:
        file.writelines(f'aachen_{i}.tif\n' for i in range(100, 140))
    out = tmp_path / 'out'
    options = ['--workers', '1', '--size', '64']
    run = ToolRun(TOOL, [str(source), str(out), *options], tmp_path)
    process = run.process
    log = out / '.tiles.jsonl.part'
    while process.exitcode is None and not (
        log.is_file() and log.read_bytes().count(b'\n') > 3
    ):
        time.sleep(0.002)
    process.kill()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert not (out / 'manifest.json').exists()
    resumed = start(source, out)
    assert 0 < len(resumed.todo) < 44
    list(resumed.run())
    resumed.finish()
    convert(source, tmp_path / 'whole')
    assert digests(out) == digests(tmp_path / 'whole')


def test_the_manifest_holds_counts_and_checksums(
    tmp_path: Path, source: Path
) -> None:
    out = tmp_path / 'out'
    summary = convert(source, out)
    lines = (out / 'tiles.jsonl').read_text().splitlines()
    records = [json.loads(line) for line in lines]
    assert records[0]['settings']['rule'] == 'drop'
    assert [r['scene'] for r in records[1:]] == sorted(
        r['scene'] for r in records[1:]
    )
    tile = records[1]['tiles'][0]
    name = f'{tile["split"]}/{tile["name"]}.png'
    for folder in ('img_dir', 'ann_dir'):
        content = (out / folder / name).read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        assert tile[folder] == {'bytes': len(content), 'sha256': digest}
    assert sum(tile['pixels'].values()) == 64 * 64
    total = sum(summary['splits']['train']['pixels'].values())
    assert total == summary['splits']['train']['tiles'] * 64 * 64
    origin = (source / 'aachen/images/aachen_1.tif').read_bytes()
    assert records[1]['image'] == {
        'file': 'aachen/images/aachen_1.tif',
        'bytes': len(origin),
        'time': (source / 'aachen/images/aachen_1.tif').stat().st_mtime_ns,
        'sha256': hashlib.sha256(origin).hexdigest(),
    }


def test_other_settings_need_another_folder(
    tmp_path: Path, source: Path
) -> None:
    convert(source, tmp_path / 'out')
    other = OpenEarthMapConverter([source], size=64, rule='pad')
    with pytest.raises(ValueError, match='other settings'):
        Conversion(other, tmp_path / 'out')


def test_scenes_that_left_the_source_are_named(
    tmp_path: Path, source: Path
) -> None:
    convert(source, tmp_path / 'out')
    (source / 'train.txt').write_text('aachen_1.tif\n')
    with pytest.raises(ValueError, match='does not have, the first is train'):
        start(source, tmp_path / 'out')


def test_a_scene_given_twice(tmp_path: Path, source: Path) -> None:
    (source / 'train.txt').write_text('aachen_1.tif\naachen_1.tif\n')
    with pytest.raises(ValueError, match='would get tiles of the same name'):
        start(source, tmp_path / 'out')


def test_foreign_files_are_named(tmp_path: Path, source: Path) -> None:
    convert(source, tmp_path / 'out')
    shutil.copy(
        tmp_path / 'out/img_dir/val/koeln_50_0_0.png',
        tmp_path / 'out/img_dir/val/copy.png',
    )
    with pytest.raises(ValueError, match=r'first is img_dir/val/copy\.png'):
        convert(source, tmp_path / 'out')


@pytest.mark.parametrize('workers', [1, 2])
def test_one_faulty_scene_does_not_stop_the_others(
    tmp_path: Path, source: Path, workers: int
) -> None:
    path = source / 'aachen/labels/aachen_1.tif'
    good = path.read_bytes()
    write_tif(path, np.full((1, 128, 128), 9, np.uint8))
    out = tmp_path / 'out'
    with pytest.raises(ValueError, match='1 of 4 scenes could not'):
        convert(source, out, workers)
    assert not (out / 'manifest.json').exists()
    path.write_bytes(good)
    assert len(start(source, out).todo) == 1
    convert(source, out)
    convert(source, tmp_path / 'whole')
    assert digests(out) == digests(tmp_path / 'whole')


def test_a_full_disk_leaves_no_half_file(tmp_path: Path, source: Path) -> None:
    # A limit on the size of files stands for the full disk: the write call
    # fails in the middle of a file in both cases.
    out = tmp_path / 'out'
    done = run_tool(
        *(TOOL, source, out, '--size', '64'), folder=tmp_path, file_size=9000
    )
    assert done.status == 1
    assert 'no space left while writing' in done.err
    assert 'run the same command again' in done.err
    assert not list(out.rglob('*.png'))
    convert(source, out)
    convert(source, tmp_path / 'whole')
    assert digests(out) == digests(tmp_path / 'whole')


def test_an_edited_source_is_converted_again(
    tmp_path: Path, source: Path
) -> None:
    out = tmp_path / 'out'
    convert(source, out)
    path = source / 'aachen/labels/aachen_1.tif'
    write_tif(path, np.full((1, 128, 128), 3, np.uint8))
    assert [s.name for s in start(source, out).todo] == ['train/aachen_1']
    convert(source, out)
    convert(source, tmp_path / 'fresh')
    assert digests(out) == digests(tmp_path / 'fresh')


def test_another_time_alone_is_no_change(tmp_path: Path, source: Path) -> None:
    out = tmp_path / 'out'
    convert(source, out)
    os.utime(source / 'aachen/labels/aachen_1.tif', (1, 1))
    assert start(source, out).todo == []


def test_a_scene_that_moved_to_another_split_leaves_no_tile(
    tmp_path: Path,
) -> None:
    out, source = tmp_path / 'out', tmp_path / 'own'
    source.mkdir()

    def folder_of(names: list[str]) -> Conversion:
        (source / 'names.txt').write_text('a\nb\n')
        for i in range(5):
            for kind, value in (('images', 200 + i), ('masks', 1)):
                path = source / kind / f'{i}.png'
                path.parent.mkdir(exist_ok=True)
                shape = (64, 64, 3) if kind == 'images' else (64, 64)
                image = Image.fromarray(np.full(shape, value, np.uint8))
                image.save(path)
        own = FolderConverter(
            [source], source / 'names.txt', val_share=0.4, size=64
        )
        own.val = tuple(names)
        return Conversion(own, out, 1)

    for names in (['1'], ['2', '3']):
        conversion = folder_of(names)
        list(conversion.run())
        conversion.finish()
        found = [p.stem[0] for p in (out / 'img_dir/val').iterdir()]
        assert sorted(found) == names


@pytest.mark.parametrize('kind', ['img_dir', 'ann_dir'])
def test_a_zeroed_tile_is_made_again_and_an_edited_one_is_named(
    tmp_path: Path, source: Path, kind: str
) -> None:
    out = tmp_path / 'out'
    convert(source, out)
    before = digests(out)
    tile = out / kind / 'train/aachen_1_64_0.png'
    tile.write_bytes(bytes(tile.stat().st_size))
    convert(source, out)
    assert digests(out) == before
    Image.open(tile).rotate(180).save(tile)
    edited = tile.read_bytes()
    with pytest.raises(ValueError, match=r'aachen_1_64_0\.png is not as this'):
        convert(source, out)
    assert tile.read_bytes() == edited


@pytest.mark.parametrize(
    'name', ['train.txt', 'manifest.json', 'img_dir/train/a.png']
)
def test_nothing_foreign_is_replaced(
    tmp_path: Path, source: Path, name: str
) -> None:
    path = tmp_path / 'out' / name
    path.parent.mkdir(parents=True)
    path.write_text('mine')
    with pytest.raises(ValueError, match='does not come from this converter'):
        convert(source, tmp_path / 'out')
    assert path.read_text() == 'mine'


def test_a_foreign_file_with_the_name_of_a_tile_stays(
    tmp_path: Path, source: Path
) -> None:
    conversion = start(source, tmp_path / 'out')
    path = tmp_path / 'out/img_dir/train/aachen_1_0_0.png'
    path.parent.mkdir(parents=True)
    path.write_bytes(b'mine')
    list(conversion.run())
    with pytest.raises(ValueError, match='is there already'):
        conversion.finish()
    assert path.read_bytes() == b'mine'


def test_one_run_at_a_time(tmp_path: Path, source: Path) -> None:
    first = start(source, tmp_path / 'out').run()
    next(first)
    with pytest.raises(ValueError, match='in use by process'):
        list(start(source, tmp_path / 'out').run())
    list(first)
    assert start(source, tmp_path / 'out').todo == []


def test_a_record_with_paths_removes_nothing_elsewhere(
    tmp_path: Path, source: Path
) -> None:
    out, mine = tmp_path / 'out', tmp_path / 'img_dir/own/a.png'
    convert(source, out)
    mine.parent.mkdir(parents=True)
    mine.write_bytes(b'mine')
    log = out / 'tiles.jsonl'
    changed = log.read_text().replace('"split":"train"', '"split":"../../own"')
    log.write_text(changed.replace('aachen_1_0_0', 'a'))
    convert(source, out)
    assert mine.read_bytes() == b'mine'
    convert(source, tmp_path / 'fresh')
    assert digests(out) == digests(tmp_path / 'fresh')


def test_damaged_images_and_blank_areas_are_named(
    tmp_path: Path, source: Path
) -> None:
    path = source / 'aachen/images/aachen_1.tif'
    pixels = np.asarray(Image.open(path)).copy()
    pixels[:64] = 255
    Image.fromarray(pixels).save(path, compression='tiff_adobe_deflate')
    label = np.full((1, 128, 128), 3, np.uint8)
    write_tif(source / 'aachen/labels/aachen_1.tif', label)
    report = '\n'.join(convert(source, tmp_path / 'blank')['report'])
    assert 'in 1 images more than 5%' in report
    assert 'aachen/images/aachen_1.tif (50%)' in report

    Image.fromarray(pixels).save(path)
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(ValueError, match=r'aachen_1.*--allow-damaged'):
        convert(source, tmp_path / 'out')
    conversion = Conversion(
        OpenEarthMapConverter([source], size=64), tmp_path / 'out', 1, True
    )
    list(conversion.run())
    report = '\n'.join(conversion.finish()['report'])
    assert '1 damaged images were taken as they are' in report
    # Without the permission that scene is not done.
    assert len(start(source, tmp_path / 'out').todo) == 1
