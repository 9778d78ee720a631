# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""What really went wrong, in words."""


def reason(error: BaseException) -> str:
    """The words of an error, or of the one it was raised from.

    rasterio raises "See previous exception for details" from GDAL's own
    error, which names the reason.

    Args:
        error (BaseException): The error.
    """
    system = getattr(error, 'strerror', None)
    cause = error.__cause__ or error
    return (system or str(cause) or str(error)).rstrip('. ')
