# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
from aeroseg.errors import reason


def test_the_reason_is_the_first_cause() -> None:
    assert reason(OSError(28, 'No space left on device')) == (
        'No space left on device'
    )
    assert reason(ValueError('wrong.')) == 'wrong'
    error = OSError('Read failed. See previous exception for details.')
    error.__cause__ = RuntimeError('tile 3 is damaged')
    assert reason(error) == 'tile 3 is damaged'
