# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""A page in the browser: type words, look at the map (the extra `web`)."""
