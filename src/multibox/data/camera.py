"""How a rendered scene becomes a photograph: with uneven light, and the flaws of a lens and a sensor."""

from dataclasses import dataclass

import cv2
import numpy as np

from multibox.data.backdrop import clouds

Generator = np.random.Generator


@dataclass(frozen=True)
class Camera:
    """The light and the flaws that all photographs of one camera share.

    Attributes:
        light: ``(H, W, 1)`` float32 brightness of each pixel, about 1.
        blur: Standard deviation of the lens' blur, pixels. 0 does not blur.
        noise: Standard deviation of the sensor's noise, of 255.
    """

    light: np.ndarray
    blur: float
    noise: float

    def photograph(self, image: np.ndarray, rng: Generator) -> np.ndarray:
        """Take a photograph.

        Args:
            image: ``(H, W, 3)`` float32 RGB of the scene, 0 to 255.
            rng: Random generator of the sensor's noise.

        Returns:
            ``(H, W, 3)`` uint8 RGB.
        """
        seen = image * self.light
        if self.blur:
            seen = cv2.GaussianBlur(seen, (0, 0), self.blur)
        seen += rng.normal(0, self.noise, seen.shape).astype(np.float32)
        return seen.clip(0, 255).astype(np.uint8)


def draw_camera(height: int, width: int, light: float, rng: Generator) -> Camera:
    """Draw a camera.

    Args:
        height: Height of its photographs, pixels.
        width: Width of its photographs, pixels.
        light: Direction of the light, radians.
        rng: Random generator of the light's strength and of the flaws.
    """
    y, x = np.linspace(-1, 1, height, dtype=np.float32)[:, None], np.linspace(-1, 1, width, dtype=np.float32)
    lit = 1 + 0.14 * (x * np.cos(light) + y * np.sin(light)) + 0.06 * clouds(height, width, rng, 2, 2)
    brightness = (rng.uniform(0.75, 1.15) * lit)[..., None].astype(np.float32)
    blur = rng.uniform(0.3, 0.9) if rng.random() < 0.5 else 0.0
    return Camera(brightness, blur, rng.uniform(1, 6))
