# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Reading weight files and saying what does not fit."""
