# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""ONNX files: written from an exported program, quantised to int8."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch.export import ExportedProgram

from aeroseg.models.segmentors.exported import load_onnxruntime

_INSTALL = "exporting to ONNX needs: pip install 'aeroseg[export]'"


def write_onnx(program: ExportedProgram, path: Path) -> None:
    """Write an exported image part as ONNX.

    Weights above 2 GB go into a second file, `<path>.data`.

    Args:
        program (ExportedProgram): From images and text features to logits.
        path (Path): The file.

    Raises:
        ValueError: If onnx, onnxscript or onnxruntime is not installed.
    """
    try:
        import onnx  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise ValueError(_INSTALL) from error
    with _calm():
        converted = torch.onnx.export(
            program,
            dynamo=True,
            # onnxscript's rewriting takes half an hour for SAM-L; _fold does
            # as well in seconds.
            optimize=False,
            input_names=['images', 'text'],
            output_names=['logits'],
            verbose=False,
        )
    if converted is None:
        raise RuntimeError('torch.onnx.export returned no program')
    converted.save(path)
    if not _data_of(path).exists():
        _fold(path)


def quantise(source: Path, target: Path) -> None:
    """Quantise the matrix products of an ONNX file to int8, dynamically.

    Weights become int8 in the file, activations while it runs. Convolutions
    stay float32.

    Args:
        source (Path): The file.
        target (Path): The file to write.

    Raises:
        ValueError: If onnxruntime is not installed.
    """
    load_onnxruntime()
    from onnxruntime.quantization import QuantType, quantize_dynamic

    big = _data_of(source).exists()
    with _calm():
        quantize_dynamic(
            source,
            target,
            weight_type=QuantType.QInt8,
            op_types_to_quantize=['MatMul', 'Gemm'],
            use_external_data_format=big,
        )


def _data_of(path: Path) -> Path:
    """The second file of an ONNX file above 2 GB."""
    return path.with_name(f'{path.name}.data')


def _fold(path: Path) -> None:
    """Compute what is constant, in place; the operators stay standard ones.

    Weights are stored as they are used, so that they can be quantised.
    """
    onnxruntime = load_onnxruntime()
    options = onnxruntime.SessionOptions()
    level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.graph_optimization_level = level
    folded = path.with_name(f'{path.stem}.folded.onnx')
    options.optimized_model_filepath = str(folded)
    onnxruntime.InferenceSession(
        str(path), options, providers=['CPUExecutionProvider']
    )
    folded.replace(path)


@contextmanager
def _calm() -> Iterator[None]:
    """Without the advice of torch.onnx, onnxscript and onnxruntime."""
    disabled = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            yield
    finally:
        logging.disable(disabled)
