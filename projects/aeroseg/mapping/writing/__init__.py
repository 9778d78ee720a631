# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Result files: GeoTIFF, table, polygons, preview, style."""
