# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Faults that are injected into every tool, and what becomes of them."""
