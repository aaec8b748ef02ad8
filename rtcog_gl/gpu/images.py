"""The images layer: small images of map values, magnified, with the colours of the map."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
from vispy import gloo

from rtcog_gl.model.draw import ImageName, ImageView


class ImagesLayer:
    """Draws every `ImageView` of a panel; needs a current OpenGL context throughout."""

    def write(self, name: ImageName, image: npt.NDArray[np.float32]) -> int:
        """Upload an image (rows, columns), float32, copied at once, and return the number of bytes."""
        return 0

    def drop(self, names: Iterable[ImageName]) -> None:
        """Forget images; names that were never written are passed over."""

    def draw(self, views: tuple[ImageView, ...], framebuffer_size: tuple[int, int], lut: gloo.Texture2D) -> None:
        """Draw images; one that was never written is left out."""
