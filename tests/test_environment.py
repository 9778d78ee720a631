# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The versions that AerOSeg runs on."""

import mmengine
import pytest

from aeroseg.environment import check_versions, report


def test_this_environment_is_fine() -> None:
    assert set(check_versions()) == {'mmengine', 'mmcv', 'mmseg'}


def test_an_old_version_names_the_cure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(mmengine, '__version__', '0.7.0')
    with pytest.raises(
        ImportError, match=r'mmengine >= 0\.10\.0.*pip install'
    ):
        check_versions()


def test_report_lists_the_packages() -> None:
    lines = report().splitlines()
    names = {line.split(':')[0] for line in lines}
    assert {'AerOSeg', 'mmseg', 'open_clip', 'timm', 'PyTorch'} <= names
