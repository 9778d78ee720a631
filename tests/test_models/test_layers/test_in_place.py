# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Sums in place."""

import torch

from aeroseg.models.layers.in_place import add_to


def test_without_gradients_the_memory_is_that_of_the_first() -> None:
    fresh, other = torch.ones(2, 3), torch.full((3,), 2.0)
    with torch.no_grad():
        out = add_to(fresh, other)
    assert out.data_ptr() == fresh.data_ptr()
    assert out.eq(3).all()
    assert other.eq(2).all()


def test_with_gradients_nothing_is_overwritten() -> None:
    fresh, other = torch.ones(2, requires_grad=True), torch.ones(2)
    out = add_to(fresh, other)
    assert fresh.eq(1).all()
    out.sum().backward()
    assert fresh.grad is not None


def test_the_wider_type_wins() -> None:
    narrow, wide = torch.ones(2).bfloat16(), torch.full((2,), 1e-4)
    with torch.no_grad():
        for out in (add_to(narrow, wide), add_to(wide.clone(), narrow)):
            torch.testing.assert_close(out, torch.full((2,), 1.0001))
