# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""CAT-Seg and OVRS as published: oracles of tests and benchmarks."""
