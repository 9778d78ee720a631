# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
import warnings

import pytest

from aeroseg.mapping.reading.quiet import ignore_warning


def test_only_the_named_kind_is_ignored() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        with ignore_warning(UserWarning):
            warnings.warn('quiet', UserWarning, stacklevel=1)
        with pytest.raises(UserWarning):
            warnings.warn('loud', UserWarning, stacklevel=1)
        with (
            pytest.raises(RuntimeWarning),
            ignore_warning(UserWarning),
        ):
            warnings.warn('other', RuntimeWarning, stacklevel=1)
