# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""A model whose image part is an ONNX file."""

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from mmseg.registry import MODELS
from torch import Tensor, nn

from aeroseg.vocabulary import Vocabulary

from .open_vocab import OpenVocabSegmentor

_MAPS = 64  # class maps per pass, which bound the memory


def load_onnxruntime() -> Any:
    """The module onnxruntime; it reports nothing to anyone, and errors only.

    Raises:
        ValueError: If it is not installed.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise ValueError(
            "exported models need onnxruntime: pip install 'aeroseg[export]'"
        ) from error
    onnxruntime.disable_telemetry_events()
    onnxruntime.set_default_logger_severity(3)
    return onnxruntime


@MODELS.register_module()
class ExportedSegmentor(OpenVocabSegmentor):
    """Runs the ONNX file of ``aeroseg export``; text is encoded by torch.

    The file takes images of one size. Smaller ones are padded below and to
    the right with grey, as the model itself pads to its stride.

    Args:
        text_encoder (dict): As of the model that was exported.
        image_part (str): The ONNX file: images (B, 3, side, side), RGB,
            0-255, and text features (T, P, C) -> logits (B, T, h, w).
        side (int): Side of the images in pixels.
        max_classes (int): The most classes and background words that give
            the results of the model that was exported; 0 for any number.
        vocabulary (dict | Vocabulary, optional): See
            :class:`OpenVocabSegmentor`.
        train_cfg (dict, optional): As above.
        test_cfg (dict, optional): As above.
        data_preprocessor (dict, optional): As above.
        init_cfg (dict, optional): As above.
        pretrained (None): As above.
    """

    def __init__(
        self,
        text_encoder: dict,
        image_part: str,
        side: int,
        max_classes: int = 0,
        vocabulary: Mapping[str, Any] | Vocabulary | None = None,
        train_cfg: dict | None = None,
        test_cfg: dict | None = None,
        data_preprocessor: dict | nn.Module | None = None,
        init_cfg: dict | None = None,
        pretrained: None = None,
    ) -> None:
        super().__init__(
            vocabulary,
            train_cfg,
            test_cfg,
            data_preprocessor,
            init_cfg,
            pretrained,
        )
        self.text_encoder = MODELS.build(text_encoder)
        self.image_part = Path(image_part)
        self.side = side
        self.max_classes = max_classes

    @property
    def stride(self) -> int:
        """Images are padded to the side of the file's input."""
        return self.side

    @cached_property
    def session(self) -> Any:
        """The onnxruntime session, started when first asked for.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If onnxruntime is missing or cannot read the file.
        """
        if not self.image_part.is_file():
            raise FileNotFoundError(
                f'there is no {self.image_part}, the image part of an '
                'exported model; `aeroseg export` writes it'
            )
        onnxruntime = load_onnxruntime()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        try:
            return onnxruntime.InferenceSession(
                str(self.image_part),
                options,
                providers=onnxruntime.get_available_providers(),
            )
        except Exception as error:  # its errors share no base class
            line = str(error).partition('\n')[0]
            raise ValueError(
                f'{self.image_part} is damaged, or no ONNX file: {line}'
            ) from error

    def decode_maps(self, images: Tensor) -> Tensor:
        """See :class:`OpenVocabSegmentor`.

        Raises:
            ValueError: If an image is larger than the file takes, or there
                are too many classes.
        """
        if tuple(images.shape[2:]) != (self.side, self.side):
            raise ValueError(
                f'{self.image_part} takes images of at most {self.side} x '
                f'{self.side} pixels; give smaller windows, or set test_cfg '
                f"to mode='slide', crop_size=({self.side}, {self.side})"
            )
        text = self.text_encoder(self.vocabulary.queries).float().cpu()
        if 0 < self.max_classes < len(text):
            raise ValueError(
                f'{len(text)} classes and background words were given; this '
                f'exported model takes at most {self.max_classes}. Use the '
                'model it was made of'
            )
        parts = images.float().cpu().split(max(1, _MAPS // len(text)))
        maps = [
            self.session.run(
                None, {'images': part.numpy(), 'text': text.numpy()}
            )[0]
            for part in parts
        ]
        return torch.cat([torch.from_numpy(m) for m in maps]).to(images.device)

    def loss(self, inputs: Tensor, data_samples: Any) -> dict:
        """An exported model cannot be trained.

        Raises:
            ValueError: Always.
        """
        raise ValueError(
            'an exported model cannot be trained; train the model it was '
            'made of'
        )
