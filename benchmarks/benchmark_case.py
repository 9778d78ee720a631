# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""What the benchmark measures: steps of a network over one batch."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

import measure
import torch
from mmengine.config import Config
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from aeroseg.acceleration import accelerated
from aeroseg.vocabulary import Vocabulary

STAGES = ('clip', 'guidance', 'refinement', 'spatial', 'classes', 'decoder')


@dataclass(frozen=True)
class Load:
    """The work of a step.

    Attributes:
        classes (int): T.
        batch (int): B.
        size (int): Height and width of the images in pixels.
        dtype (str): 'float32', or a half precision for autocast.
        device (str): As in PyTorch.
        train (bool): Training steps instead of inference.
        compile (bool): Whether torch.compile is used for inference.
        accelerate (bool): Whether linear layers on a CPU are computed by
            oneDNN; see ``aeroseg.acceleration``.
        channels_last (bool): Whether images and the weights of convolutions
            are stored with their channels last.
        repeat (int): Steps that count.
        cpu_time (bool): Measure the processor's time, all threads together,
            instead of wall time.
    """

    classes: int
    batch: int = 1
    size: int = 384
    dtype: str = 'float32'
    device: str = 'cpu'
    train: bool = False
    compile: bool = False
    accelerate: bool = True
    channels_last: bool = False
    repeat: int = 5
    cpu_time: bool = False

    @property
    def plain(self) -> Load:
        """The same work in float32, without any other switch."""
        return replace(
            self, dtype='float32', compile=False, channels_last=False
        )

    @property
    def clock(self) -> measure.Clock:
        """The clock to measure with."""
        return time.process_time if self.cpu_time else time.perf_counter


class Case:
    """A network and a batch to measure.

    Args:
        load (Load): The work of a step.
    """

    def __init__(self, load: Load) -> None:
        self.load = load
        self.device = torch.device(load.device)
        self.dtype = getattr(torch, load.dtype)
        batch, size = load.batch, load.size
        self.images = torch.rand(batch, 3, size, size, device=self.device)
        self.images *= 255
        self.labels = torch.randint(
            load.classes, (batch, size, size), device=self.device
        )

    @property
    def model(self) -> nn.Module:
        """The network."""
        raise NotImplementedError

    @property
    def stages(self) -> dict[str, list[nn.Module]]:
        """The modules that make up each of the stages that there are."""
        raise NotImplementedError

    def predict(self) -> object:
        """The classes of the pixels; the text is computed already."""
        raise NotImplementedError

    def loss(self) -> Tensor:
        """The training loss of the batch."""
        raise NotImplementedError

    def text(self) -> object:
        """The text features of the classes, computed anew."""
        raise NotImplementedError

    @contextmanager
    def _switches(self) -> Iterator[None]:
        """Precision and acceleration of the load."""
        half = self.dtype is not torch.float32
        autocast = torch.autocast(
            self.device.type, self.dtype if half else None, enabled=half
        )
        with autocast, accelerated(self.load.accelerate):
            yield

    def infer(self) -> None:
        """One step of inference."""
        with torch.no_grad(), self._switches():
            self.predict()

    def train_step(self) -> None:
        """One step of training."""
        with self._switches():
            loss = self.loss()
            loss.backward()
        self.optimizer.step()
        self.optimizer.zero_grad()

    def measure(self, rate: float) -> dict[str, Any]:
        """Measure everything.

        Args:
            rate (float): FLOP/s of the machine's matrix product.

        Returns:
            dict[str, Any]: Figures by name.
        """
        run = self.infer
        if self.load.train:
            weights = [p for p in self.model.parameters() if p.requires_grad]
            self.optimizer = torch.optim.AdamW(weights, lr=1e-6)
            run = self.train_step
        self.model.train(self.load.train)
        run()
        stages = {} if self.load.train else self.stages
        clock = self.load.clock
        with measure.stage_times(stages, self.device, clock) as seconds:
            timing = measure.time_runs(
                run, self.device, self.load.repeat, 0, clock
            )
        peak = measure.peak_memory(run, self.device)
        with torch.no_grad():
            flops = measure.count_flops(self.infer)
        result = {
            'classes': self.load.classes,
            'seconds_per_image': timing.median / self.load.batch,
            'spread': (timing.high - timing.low) / timing.median,
            'images_per_second': self.load.batch / timing.median,
            'peak_gib': None if peak is None else peak / 2**30,
            'gflop_per_image': flops / self.load.batch / 1e9,
        }
        if not self.load.train:
            result['share_of_matmul'] = flops / timing.median / rate
            result['text_seconds'] = self._time_text()
        for name, calls in seconds.items():
            if calls:
                result[f'{name}_seconds'] = self._median_of_steps(calls)
        return result

    def _median_of_steps(self, calls: list[float]) -> float:
        """Seconds an image of a stage that a step may call many times."""
        each = len(calls) // self.load.repeat
        steps = [sum(calls[i : i + each]) for i in range(0, len(calls), each)]
        return measure.Timing.of(steps).median / self.load.batch

    def _time_text(self) -> float:
        with torch.no_grad(), accelerated(self.load.accelerate):
            return measure.time_runs(
                self.text, self.device, 3, clock=self.load.clock
            ).median


class ModelCase(Case):
    """A model of this package, with random weights.

    Args:
        load (Load): The work of a step.
        config (Config): Its config; classes are invented.
    """

    def __init__(self, load: Load, config: Config) -> None:
        super().__init__(load)
        self.config = config
        names = tuple(f'class {index}' for index in range(load.classes))
        vocabulary = Vocabulary(names)
        model = config.model.copy()
        # An auxiliary head is made for these: in training, the classes.
        trained = None if load.train else model.get('vocabulary')
        model.vocabulary = trained or vocabulary
        model.test_cfg = {'mode': 'whole'}  # one pass, no windows
        torch.manual_seed(0)
        self.network = MODELS.build(model).to(self.device)
        self.network.set_vocabulary(vocabulary)
        if load.channels_last:
            layout = torch.channels_last
            self.network.to(memory_format=layout)
            self.images = self.images.contiguous(memory_format=layout)
        if load.compile:
            self.network.class_maps = torch.compile(self.network.class_maps)

    @property
    def model(self) -> nn.Module:
        """The network."""
        return self.network

    @property
    def stages(self) -> dict[str, list[nn.Module]]:
        """The modules that make up each of the stages."""
        network = self.network
        parts = {
            'clip': 'backbone',
            'guidance': 'guidance_encoder',
            'refinement': 'neck',
            'decoder': 'decode_head',
        }
        stages = {
            stage: [getattr(network, part)]
            for stage, part in parts.items()
            if hasattr(network, part)
        }
        # SED refines in the stages of its decoder.
        neck = getattr(network, 'neck', None)
        layers = neck.layers if neck else network.decode_head.stages
        for name in ('spatial', 'classes'):
            stages[name] = [getattr(layer, name) for layer in layers]
        return stages

    @torch.no_grad()
    def error(self) -> float:
        """How far the logits are from those of plain float32, relatively."""
        with self._switches():
            switched = self.network.class_logits(self.images).float()
        config = deepcopy(self.config)
        if 'dtype' in config.model.get('guidance_encoder', {}):
            config.model.guidance_encoder.dtype = None
        exact = ModelCase(self.load.plain, config)
        exact.images = self.images
        exact.model.eval()
        with exact._switches():
            logits = exact.network.class_logits(self.images)
        return ((switched - logits).norm() / logits.norm()).item()

    def predict(self) -> object:
        """Results as in the test loop."""
        return self.network.predict(self.images)

    def loss(self) -> Tensor:
        """Sum of the losses, as the trainer sums them."""
        samples = [
            SegDataSample(gt_sem_seg=PixelData(data=label[None]))
            for label in self.labels
        ]
        losses = self.network.loss(self.images, samples)
        return self.network.parse_losses(losses)[0]

    def text(self) -> object:
        """Drop what is stored, and encode."""
        encoder = self.network.text_encoder
        encoder._store.clear()
        return encoder(self.network.vocabulary.queries)
