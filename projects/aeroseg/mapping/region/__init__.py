# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""A scene predicted by several workers; the work folder is their ledger."""
