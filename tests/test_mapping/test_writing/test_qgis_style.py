# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
import xml.etree.ElementTree as ET
from pathlib import Path

from aeroseg.apis import LabelScheme
from aeroseg.mapping.writing.qgis_style import write_style
from aeroseg.vocabulary import Vocabulary


def test_names_and_colours_are_entries(tmp_path: Path) -> None:
    words = Vocabulary(('road & path', 'tree'), contrast=('sky',))
    scheme = LabelScheme(words)
    path = tmp_path / 'labels.qml'
    write_style(path, scheme)
    renderer = ET.parse(path).getroot().find('pipe/rasterrenderer')
    assert renderer is not None
    assert renderer.get('type') == 'paletted'
    entries = renderer.findall('colorPalette/paletteEntry')
    labels = [entry.get('label') for entry in entries]
    assert labels == ['road & path', 'tree', 'background']
    red, green, blue = scheme.classes.palette[1]
    assert entries[1].get('value') == '1'
    assert entries[1].get('color') == f'#{red:02x}{green:02x}{blue:02x}'
