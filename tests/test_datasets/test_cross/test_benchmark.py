# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The data files of the test sets agree with themselves and with mmseg."""

import pytest
from mmseg.datasets import LoveDADataset, PotsdamDataset

from aeroseg.datasets.cross import (
    BENCHMARKS,
    Benchmark,
    load_benchmark,
    protocols,
)
from aeroseg.datasets.labels import ColourTable, IdTable
from aeroseg.vocabulary import Vocabulary
from aeroseg.world.worlds import COUNTRY


@pytest.fixture(params=BENCHMARKS)
def benchmark_set(request: pytest.FixtureRequest) -> Benchmark:
    return load_benchmark(request.param)


def test_every_protocol_asks_for_ids_that_exist(
    benchmark_set: Benchmark,
) -> None:
    allowed = {*range(len(benchmark_set.vocabulary)), 255}
    assert benchmark_set.wordings or benchmark_set.name == 'country'
    for name, wording in benchmark_set.wordings.items():
        assert name in protocols()
        ids = [i for covered in wording.ids for i in covered]
        assert len(wording.ids) == len(wording.words)
        assert len(ids) == len(set(ids))
        assert set(ids) <= allowed
        # The words can be asked for: none is given twice.
        names = tuple(group[0] for group in wording.words)
        assert Vocabulary(names, wording.words)
        assert (wording.threshold is None) == (wording.background is None)
        assert wording.background in (None, *names)


def test_official_labels_give_every_class(benchmark_set: Benchmark) -> None:
    if benchmark_set.layout is None:
        assert benchmark_set.dataset_class
        return
    table = benchmark_set.layout.table
    values = table.colours if isinstance(table, ColourTable) else table.mapping
    classes = set(range(len(benchmark_set.vocabulary)))
    assert set(values.values()) | {255} == classes | {255}
    if benchmark_set.name != 'country':
        assert set(benchmark_set.layout.published) >= {'train', 'val'}


def test_source_and_licence_are_given(benchmark_set: Benchmark) -> None:
    assert benchmark_set.source.startswith(('https://', 'studies/'))
    assert benchmark_set.licence


def test_loveda_and_potsdam_have_the_ids_and_colours_of_mmseg() -> None:
    for name, kind in (('loveda', LoveDADataset), ('potsdam', PotsdamDataset)):
        found = load_benchmark(name).vocabulary
        assert [list(rgb) for rgb in found.palette] == kind.METAINFO['palette']
    table = load_benchmark('loveda').layout.table
    assert isinstance(table, IdTable)
    # reduce_zero_label=True: 0 is ignored, the others are one less.
    assert table.mapping == {0: 255, **{i + 1: i for i in range(7)}, 255: 255}


def test_classes_of_the_published_protocols() -> None:
    numbers = {
        ('loveda', 'ovrsisbench-v1'): 8,  # no-data is scored
        ('loveda', 'segearth-ov'): 7,
        ('uavid', 'ovrsisbench-v1'): 8,
        ('uavid', 'segearth-ov'): 7,  # one class of cars
        ('isaid', 'ovrsisbench-v1'): 15,
        ('isaid16', 'segearth-ov'): 16,
        ('openearthmap', 'segearth-ov'): 9,
        ('potsdam', 'gsnet'): 5,  # clutter is ignored
    }
    for (name, protocol), number in numbers.items():
        assert len(load_benchmark(name).wording(protocol).words) == number


def test_country_has_the_classes_of_the_generated_world() -> None:
    found = load_benchmark('country').vocabulary
    assert (found.names, found.palette) == (COUNTRY.names, COUNTRY.palette)


def test_unknown_names_are_refused() -> None:
    with pytest.raises(ValueError, match="no test set 'lovda'; known are cou"):
        load_benchmark('lovda')
    with pytest.raises(ValueError, match='does not test on vdd; those that'):
        load_benchmark('vdd').wording('gsnet')
