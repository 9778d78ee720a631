# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The result of predicting one image."""

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from aeroseg.files import atomic_path
from aeroseg.mapping.label_scheme import LabelScheme
from aeroseg.mapping.writing.class_areas import ClassArea, count_classes
from aeroseg.visualization import draw_panel, overlay


@dataclass(frozen=True)
class SegmentationResult:
    """Labels of one image, with names and pictures.

    Attributes:
        image (np.ndarray): (H, W, 3) RGB, uint8.
        labels (np.ndarray): (H, W) ids in the order of the vocabulary; uint8,
            or uint16 for more than 255 classes.
        scheme (LabelScheme): Names, colours and the id of the background.
        scores (np.ndarray | None): (S, H, W) probabilities, float32, if they
            were requested.
    """

    image: np.ndarray
    labels: np.ndarray
    scheme: LabelScheme
    scores: np.ndarray | None = None

    @property
    def classes(self) -> tuple[str, ...]:
        """Names by id, the background included if there is one."""
        return self.scheme.classes.names

    @property
    def areas(self) -> list[ClassArea]:
        """Pixels and share per class."""
        return count_classes([(0, self.labels)], self.scheme)

    def overlay(self, opacity: float = 0.6) -> np.ndarray:
        """The classes over the image, (H, W, 3) uint8.

        Args:
            opacity (float): Of the colours, 0 to 1.
        """
        palette = self.scheme.classes.palette
        return overlay(self.image, self.labels, palette, opacity)

    def panel(self, path: str | Path | None = None) -> np.ndarray:
        """Image, classes and legend side by side, (H', W', 3) uint8.

        Args:
            path (str | Path | None): Where to save it, if anywhere.
        """
        labels = {'classes': self.labels}
        return draw_panel(self.image, labels, self.scheme.classes, path)

    def save(self, path: str | Path) -> Path:
        """Save the label ids as a PNG or TIFF without loss.

        Args:
            path (str | Path): '.png', '.tif' or '.tiff'.

        Returns:
            Path: The file.

        Raises:
            ValueError: If the suffix is another one.
        """
        path = Path(path)
        if path.suffix.lower() not in ('.png', '.tif', '.tiff'):
            raise ValueError(
                f'label ids are saved as .png or .tif, which lose nothing; '
                f'got {path.name}. For a picture use panel(path)'
            )
        with atomic_path(path) as part:
            # Grey values, no palette: every program reads back the ids.
            Image.fromarray(self.labels).save(part)
        return path

    def show(self) -> None:
        """Open the panel in the image viewer of the system."""
        Image.fromarray(self.panel()).show()

    def _repr_png_(self) -> bytes:
        """The panel, for notebooks."""
        file = BytesIO()
        Image.fromarray(self.panel()).save(file, 'PNG')
        return file.getvalue()
