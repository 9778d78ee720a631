# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""A picture and its label map, drawn on together."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from .worlds import TOWN, World

# (x, y) in px, float; (N, 2) where there are several.
Points = NDArray[Any]
Colour = tuple[float, float, float]
_SHIFT = 4  # cv2 takes coordinates as integers of 1/16 px


def _fixed(points: Points) -> NDArray[np.int32]:
    return np.round(points * (1 << _SHIFT)).astype(np.int32)


def _centre(point: Points) -> tuple[int, int]:
    x, y = _fixed(point)
    return int(x), int(y)


def rectangle(
    centre: Points, length: float, width: float, angle: float
) -> Points:
    """Corners of a turned rectangle.

    Args:
        centre (ndarray): (x, y) in px.
        length (float): Side along `angle`, px.
        width (float): The other side, px.
        angle (float): Radians.

    Returns:
        ndarray: (4, 2) corners; 0 -> 1 runs along `angle`.
    """
    along = np.array([np.cos(angle), np.sin(angle)]) * length / 2
    across = np.array([-np.sin(angle), np.cos(angle)]) * width / 2
    return centre + np.stack(
        [-along - across, along - across, along + across, -along + across]
    )


@dataclass
class Canvas:
    """Colour, label, shadow and occupancy, all (S, S).

    Attributes:
        size (int): S, px.
        sun (ndarray): (x, y) length of the shadow of a thing one px high.
        world (World): Whose names and colours are drawn.
        image (ndarray): (S, S, 3) uint8 RGB.
        label (ndarray): (S, S) uint8 index into the names of the
            world.
        shade (ndarray): (S, S) uint8; 255 in the sun, less in shadow.
        busy (ndarray): (S, S) uint8; not 0 where a thing stands.
    """

    size: int
    sun: Points
    world: World = TOWN
    image: NDArray[np.uint8] = field(init=False)
    label: NDArray[np.uint8] = field(init=False)
    shade: NDArray[np.uint8] = field(init=False)
    busy: NDArray[np.uint8] = field(init=False)

    def __post_init__(self) -> None:
        self.image = np.zeros((self.size, self.size, 3), np.uint8)
        self.label = np.zeros((self.size, self.size), np.uint8)
        self.shade = np.full((self.size, self.size), 255, np.uint8)
        self.busy = np.zeros((self.size, self.size), np.uint8)

    def polygon(
        self, points: Points, colour: Colour, name: str | None = None
    ) -> None:
        """Fill a convex polygon; with a name also label and occupy it."""
        fixed = _fixed(points)
        cv2.fillConvexPoly(self.image, fixed, colour, cv2.LINE_AA, _SHIFT)
        if name is not None:
            index = self.world.names.index(name)
            cv2.fillConvexPoly(self.label, fixed, index, cv2.LINE_8, _SHIFT)
            cv2.fillConvexPoly(self.shade, fixed, 255, cv2.LINE_8, _SHIFT)
            cv2.fillConvexPoly(self.busy, fixed, 255, cv2.LINE_8, _SHIFT)

    def disc(
        self,
        centre: Points,
        radius: float,
        colour: Colour,
        name: str | None = None,
    ) -> None:
        """Fill a disc; with a name also label and occupy it."""
        at, r = _centre(centre), int(radius * (1 << _SHIFT))
        cv2.circle(self.image, at, r, colour, -1, cv2.LINE_AA, _SHIFT)
        if name is not None:
            index = self.world.names.index(name)
            cv2.circle(self.label, at, r, index, -1, cv2.LINE_8, _SHIFT)
            cv2.circle(self.shade, at, r, 255, -1, cv2.LINE_8, _SHIFT)
            cv2.circle(self.busy, at, r, 255, -1, cv2.LINE_8, _SHIFT)

    def ring(
        self, centre: Points, radius: float, colour: Colour, width: int = 1
    ) -> None:
        """Draw a circle line."""
        r = int(radius * (1 << _SHIFT))
        cv2.circle(
            self.image, _centre(centre), r, colour, width, cv2.LINE_AA, _SHIFT
        )

    def line(
        self,
        points: Points,
        colour: Colour,
        width: int = 1,
        name: str | None = None,
        closed: bool = False,
    ) -> None:
        """Draw a line through (N, 2) points; with a name also label it."""
        fixed = [_fixed(points)]
        cv2.polylines(
            self.image, fixed, closed, colour, width, cv2.LINE_AA, _SHIFT
        )
        if name is not None:
            index = self.world.names.index(name)
            for plane, value in ((self.label, index), (self.busy, 255)):
                cv2.polylines(
                    plane, fixed, closed, value, width, cv2.LINE_8, _SHIFT
                )

    def shadow(self, points: Points, height: float, strength: int) -> None:
        """Shade what lies behind a block of convex ground plan.

        Args:
            points (ndarray): (N, 2) ground plan, px.
            height (float): px.
            strength (int): What is left of the light, 0-255.
        """
        both = np.concatenate([points, points + self.sun * height])
        hull = cv2.convexHull(both.astype(np.float32))[:, 0]
        cv2.fillConvexPoly(
            self.shade, _fixed(hull), strength, cv2.LINE_8, _SHIFT
        )

    def is_free(self, centre: Points, radius: float) -> bool:
        """Whether nothing stands in a square of half side `radius`."""
        x0, y0 = np.maximum(centre - radius, 0).astype(int)
        x1, y1 = np.maximum(centre + radius, 0).astype(int)
        return not self.busy[y0:y1, x0:x1].any()
