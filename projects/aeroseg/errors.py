# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The cause of an error, as text."""


def reason(error: BaseException) -> str:
    """The message of an error, or of the error that caused it.

    rasterio raises "See previous exception for details" from GDAL's error,
    which names the cause.

    Args:
        error (BaseException): The error.
    """
    system = getattr(error, 'strerror', None)
    cause = error.__cause__ or error
    return (system or str(cause) or str(error)).rstrip('. ')
