# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
from aeroseg.datasets import DLRSDDataset


def test_classes_are_in_the_official_alphabetical_order() -> None:
    classes = DLRSDDataset.METAINFO['classes']
    assert list(classes) == sorted(classes)
