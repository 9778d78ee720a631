# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Models for other engines: the image part as ONNX or a torch.export file."""

from .exported_model import exported_config, write_exported_model
from .image_part import ImagePart, export_image_part
from .onnx_file import quantise, write_onnx

__all__ = [
    'ImagePart',
    'export_image_part',
    'exported_config',
    'quantise',
    'write_exported_model',
    'write_onnx',
]
