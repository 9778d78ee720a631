# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""From a scene to a map: reading, windows, writing, the job around them."""
