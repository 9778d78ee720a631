# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
import pytest

from aeroseg.mapping.job.scene_options import SceneOptions


def test_only_what_decides_about_the_result_counts() -> None:
    usual = SceneOptions().identity()
    assert SceneOptions(progress=False, overwrite=True).identity() == usual
    assert SceneOptions(gsd=0.5).identity() != usual
    assert SceneOptions(scores=True).identity() != usual


def test_wrong_values_are_refused() -> None:
    with pytest.raises(ValueError, match='shp'):
        SceneOptions(polygons='shp')
    with pytest.raises(ValueError, match='at least 0 pixels'):
        SceneOptions(simplify=-1)
    with pytest.raises(ValueError, match='above 0'):
        SceneOptions(scale=0)
    with pytest.raises(ValueError, match='at least 0 pixels'):
        SceneOptions(simplify=float('nan'))
