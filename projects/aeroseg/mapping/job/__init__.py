# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""One scene from file to folder: options, memory, resuming."""
