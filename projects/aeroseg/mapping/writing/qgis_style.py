# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""A style that QGIS loads by itself: colours and names of the classes."""

import xml.etree.ElementTree as ET
from pathlib import Path

from aeroseg.files import atomic_path
from aeroseg.mapping.label_scheme import LabelScheme


def write_style(path: Path, scheme: LabelScheme) -> None:
    """Write `labels.qml`; QGIS reads it when it opens `labels.tif`.

    Args:
        path (Path): The file, named as the raster is, with suffix '.qml'.
        scheme (LabelScheme): Names and colours.
    """
    root = ET.Element('qgis', version='3.0', styleCategories='Symbology')
    pipe = ET.SubElement(root, 'pipe')
    renderer = ET.SubElement(
        pipe, 'rasterrenderer', type='paletted', band='1', opacity='1'
    )
    entries = ET.SubElement(renderer, 'colorPalette')
    classes = scheme.classes
    for index, name in enumerate(classes.names):
        colour = '#{:02x}{:02x}{:02x}'.format(*classes.palette[index])
        ET.SubElement(
            entries,
            'paletteEntry',
            value=str(index),
            label=name,
            color=colour,
            alpha='255',
        )
    ET.indent(root)
    with atomic_path(path) as part:
        ET.ElementTree(root).write(part, encoding='utf-8')
