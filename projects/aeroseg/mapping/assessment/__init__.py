# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""From a map and some labelled points to areas with intervals."""
