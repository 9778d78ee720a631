# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
import pytest
from mmseg.registry import TRANSFORMS

from aeroseg.datasets.cross import load_protocol, protocols


def test_every_protocol_names_its_switches() -> None:
    assert next(iter(protocols())) == 'own'
    for name, protocol in protocols().items():
        assert protocol.title
        if name == 'own':
            assert (protocol.resize, protocol.test_cfg) == (None, None)
            continue
        assert TRANSFORMS.get(protocol.resize['type'])
        assert protocol.test_cfg['mode'] in ('whole', 'slide', 'slide_global')
        assert 'commit' in protocol.source


def test_settings_as_published() -> None:
    assert load_protocol('ovrsisbench-v1').resize['scale'] == 640
    assert load_protocol('ovrsisbench-v1').test_cfg == {'mode': 'whole'}
    segearth = load_protocol('segearth-ov')
    assert segearth.resize['scale'] == [448, 448]
    assert segearth.test_cfg['crop_size'] == [224, 224]
    assert segearth.test_cfg['stride'] == [112, 112]


def test_unknown_protocol() -> None:
    with pytest.raises(ValueError, match="no protocol 'p4'; known are own, "):
        load_protocol('p4')
