# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Pixels of a scene, and what is known of them."""
