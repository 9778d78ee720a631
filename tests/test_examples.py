# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The examples of the docstrings run and print what they say."""

import doctest
import importlib
import pkgutil

import aeroseg

MODULES = [
    module.name
    for module in pkgutil.walk_packages(aeroseg.__path__, 'aeroseg.')
]


def test_the_examples_of_the_docstrings_hold() -> None:
    results = {
        name: doctest.testmod(importlib.import_module(name))
        for name in MODULES
    }
    assert [name for name, found in results.items() if found.failed] == []
    assert sum(found.attempted for found in results.values()) > 5
