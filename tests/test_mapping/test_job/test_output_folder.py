# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
import json
import os
from pathlib import Path
from typing import Any

import pytest

from aeroseg.mapping.job.output_folder import (
    ForeignFileError,
    OutputFolder,
    claim_folder,
)
from aeroseg.mapping.job.work_folder import WorkFolder, fingerprint
from aeroseg.mapping.windows.score_model import NonFiniteScoresError

JOB: dict[str, Any] = {'words': ['road']}
OTHER: dict[str, Any] = {'words': ['tree']}
NAMES = ['labels.tif', 'classes.csv']


def _open(
    path: Path, job: dict[str, Any] = JOB, overwrite: bool = False
) -> OutputFolder:
    return OutputFolder(path, job, NAMES, overwrite)


def _finish(path: Path, job: dict[str, Any] = JOB, text: str = 'x') -> None:
    folder = _open(path, job, overwrite=True)
    with folder.guard(10) as work:
        for name in NAMES:
            (work.results / name).write_text(text)
        files = dict(enumerate(NAMES))
        folder.complete(work, {'files': files})


def _fail(folder: OutputFolder, error: BaseException) -> None:
    with folder.guard(10) as work:
        assert isinstance(work, WorkFolder)
        raise error


def _names(path: Path) -> list[str]:
    return sorted(p.name for p in path.iterdir())


def test_complete_job_is_known_again(tmp_path: Path) -> None:
    assert _open(tmp_path).report is None
    _finish(tmp_path)
    again = _open(tmp_path)
    assert again.report is not None
    assert again.report['settings'] == JOB
    assert again.report['records']['labels.tif']['size'] == 1
    assert _names(tmp_path) == [*sorted(NAMES), 'report.json']


@pytest.mark.parametrize('text', ['{"job', '{}', '[]', '', '{"files": {}}'])
def test_a_damaged_or_foreign_report_is_refused(
    tmp_path: Path, text: str
) -> None:
    report = tmp_path / 'report.json'
    report.write_text(text)
    for overwrite in (False, True):
        with pytest.raises(ForeignFileError, match=r'report\.json'):
            _open(tmp_path, overwrite=overwrite)
    assert report.read_text() == text


@pytest.mark.parametrize('overwrite', [False, True])
@pytest.mark.parametrize('name', NAMES)
def test_files_of_the_user_are_never_replaced(
    tmp_path: Path, name: str, overwrite: bool
) -> None:
    (tmp_path / name).write_text('mine')
    with pytest.raises(ForeignFileError, match=f'{name}.*never replaced'):
        _open(tmp_path, overwrite=overwrite)
    assert (tmp_path / name).read_text() == 'mine'


def test_a_file_that_comes_during_the_run_stays_and_the_rows_too(
    tmp_path: Path,
) -> None:
    folder = _open(tmp_path)

    def run() -> None:
        with folder.guard(10) as work:
            for name in NAMES:
                (work.results / name).write_text('x')
            (tmp_path / 'classes.csv').write_text('mine')
            folder.complete(work, {'files': dict(enumerate(NAMES))})

    with pytest.raises(ForeignFileError):
        run()
    assert _names(tmp_path) == ['.aeroseg', 'classes.csv']
    assert (tmp_path / 'classes.csv').read_text() == 'mine'


@pytest.mark.parametrize('text', ['', 'y', 'longer'])
def test_a_changed_result_is_not_complete_and_not_replaced(
    tmp_path: Path, text: str
) -> None:
    _finish(tmp_path)
    (tmp_path / 'labels.tif').write_text(text)
    for overwrite in (False, True):
        with pytest.raises(ForeignFileError, match='changed or damaged'):
            _open(tmp_path, overwrite=overwrite)
    assert (tmp_path / 'labels.tif').read_text() == text


def test_a_missing_result_is_predicted_again(tmp_path: Path) -> None:
    _finish(tmp_path)
    (tmp_path / 'labels.tif').unlink()
    assert _open(tmp_path).report is None


def test_a_link_is_not_a_result(tmp_path: Path) -> None:
    out = tmp_path / 'out'
    _finish(out)
    elsewhere = tmp_path / 'labels.tif'
    (out / 'labels.tif').replace(elsewhere)
    (out / 'labels.tif').symlink_to(elsewhere)
    with pytest.raises(ForeignFileError):
        _open(out, overwrite=True)


@pytest.mark.parametrize('signed', [True, False])
def test_names_with_folders_in_a_report_are_never_removed(
    tmp_path: Path, signed: bool
) -> None:
    mine = tmp_path / 'mine.txt'
    mine.write_text('x')
    out = tmp_path / 'out'
    _finish(out)
    path = out / 'report.json'
    report = json.loads(path.read_text())
    report['files']['2'] = '../mine.txt'
    report['records']['../mine.txt'] = report['records']['labels.tif']
    if signed:
        del report['digest']
        report['digest'] = fingerprint(report)
    path.write_text(json.dumps(report))
    if signed:
        _finish(out, OTHER)
    else:
        with pytest.raises(ForeignFileError):
            _open(out, OTHER, overwrite=True)
    assert mine.read_text() == 'x'


def test_kills_keep_the_work_and_faults_remove_it(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        _fail(_open(tmp_path), KeyboardInterrupt())
    assert (tmp_path / '.aeroseg').is_dir()
    with pytest.raises(ValueError, match='bad scene'):
        _fail(_open(tmp_path), ValueError('bad scene'))
    assert not any(tmp_path.iterdir())


def test_scores_that_are_not_finite_keep_the_rows(tmp_path: Path) -> None:
    with pytest.raises(NonFiniteScoresError):
        _fail(_open(tmp_path), NonFiniteScoresError('nan'))
    assert (tmp_path / '.aeroseg').is_dir()


def test_full_disk_is_explained_and_the_work_kept(tmp_path: Path) -> None:
    full = OSError(28, 'No space left on device', 'rows.npz')
    with pytest.raises(ValueError, match=r'No space left.*rows.*run again'):
        _fail(_open(tmp_path), full)
    assert (tmp_path / '.aeroseg').is_dir()


def test_old_results_stay_until_new_ones_are_complete(tmp_path: Path) -> None:
    _finish(tmp_path)
    (tmp_path / 'mine.txt').write_text('x')
    with pytest.raises(ValueError, match='another run'):
        _open(tmp_path, OTHER)
    with pytest.raises(KeyboardInterrupt):
        _fail(_open(tmp_path, OTHER, overwrite=True), KeyboardInterrupt())
    assert _open(tmp_path).report is not None
    _finish(tmp_path, OTHER, 'new')
    assert (tmp_path / 'labels.tif').read_text() == 'new'
    assert (tmp_path / 'mine.txt').is_file()
    assert not (tmp_path / '.aeroseg').exists()


def test_overwriting_repeats_the_same_job(tmp_path: Path) -> None:
    _finish(tmp_path)
    assert _open(tmp_path, overwrite=True).report is None


def test_overwriting_resumes_what_a_kill_left(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        _fail(_open(tmp_path), KeyboardInterrupt())
    mark = tmp_path / '.aeroseg' / 'rows'
    mark.write_text('finished rows')
    with _open(tmp_path, overwrite=True).guard(10):
        assert mark.is_file()


def test_a_second_run_in_the_folder_is_refused(tmp_path: Path) -> None:
    out = tmp_path / 'a' / 'out'
    with claim_folder(out):
        with (
            pytest.raises(
                ValueError, match=f'in use by process {os.getpid()}'
            ),
            claim_folder(out),
        ):
            pass
        assert _names(out) == ['.aeroseg.lock']
    assert not (tmp_path / 'a').exists()


def test_folders_with_something_in_them_stay(tmp_path: Path) -> None:
    out = tmp_path / 'a' / 'out'
    with claim_folder(out):
        (out / 'x').touch()
    assert _names(out) == ['x']


@pytest.mark.parametrize('name', ['file/out', 'n' * 300])
def test_a_folder_that_cannot_be_made_is_explained(
    tmp_path: Path, name: str
) -> None:
    (tmp_path / 'file').touch()
    with (
        pytest.raises(ValueError, match='cannot write to'),
        claim_folder(tmp_path / name),
    ):
        pass
