# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Building blocks without knowledge of the whole."""
