# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Several rasters as one scene, and where they are listed."""
