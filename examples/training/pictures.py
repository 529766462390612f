"""Small drawn pictures: soft-edged shapes on a grid, many pictures at a time.

A `Canvas` holds a batch of pictures. Every shape is given in the drawing's own
coordinates (x to the right, y down, both about -1 to 1); the canvas turns,
scales, mirrors and shifts each picture of the batch by a pose of its own.
"""

import numpy as np


def hsv(h, s, v):
    """Colours [n, 3] from hue, saturation and value arrays [n]; hues wrap."""
    h, s, v = (np.asarray(a, dtype=np.float32) for a in np.broadcast_arrays(h, s, v))
    offsets = np.array([5.0, 3.0, 1.0], dtype=np.float32)
    k = (offsets + (h[:, None] % 1.0) * 6.0) % 6.0
    ramp = np.clip(np.minimum(k, 4.0 - k), 0.0, 1.0)
    return v[:, None] * (1.0 - s[:, None] * ramp)


class Canvas:
    def __init__(self, rng, n, size, shift=0.2, scale=(0.7, 1.0), turn=15.0, mirror=True):
        self.rng, self.n, self.size = rng, n, size
        line = (np.arange(size, dtype=np.float32) + 0.5) * (2.0 / size) - 1.0
        self.y = np.broadcast_to(line[None, :, None], (n, size, size))
        self.x = np.broadcast_to(line[None, None, :], (n, size, size))
        per = lambda low, high: rng.uniform(low, high, (n, 1, 1)).astype(np.float32)
        dx, dy, zoom = per(-shift, shift), per(-shift, shift), per(*scale)
        angle = np.deg2rad(per(-turn, turn))
        side = rng.choice(np.array([-1, 1], dtype=np.float32), (n, 1, 1)) if mirror else 1.0
        x, y = self.x - dx, self.y - dy
        self.u = side * (x * np.cos(angle) + y * np.sin(angle)) / zoom
        self.v = (y * np.cos(angle) - x * np.sin(angle)) / zoom
        self.edge = (2.0 / size) / zoom
        self.pixels = np.zeros((n, size, size, 3), dtype=np.float32)

    # Distances: negative inside the shape.

    def ellipse(self, x, y, a, b):
        reach = np.sqrt(((self.u - x) / a) ** 2 + ((self.v - y) / b) ** 2)
        return (reach - 1.0) * np.minimum(a, b)

    def box(self, x, y, a, b):
        return np.maximum(np.abs(self.u - x) - a, np.abs(self.v - y) - b)

    def polygon(self, *points):
        """A convex polygon, its corners in clockwise order as seen."""
        far = None
        for (x0, y0), (x1, y1) in zip(points, points[1:] + points[:1]):
            ex, ey = x1 - x0, y1 - y0
            d = ((self.u - x0) * ey - (self.v - y0) * ex) / np.hypot(ex, ey)
            far = d if far is None else np.maximum(far, d)
        return far

    def line(self, x0, y0, x1, y1, r):
        """A stroke of half width r with round ends; its ends may be arrays [n, 1, 1]."""
        ex, ey = x1 - x0, y1 - y0
        t = ((self.u - x0) * ex + (self.v - y0) * ey) / (ex * ex + ey * ey)
        t = np.clip(t, 0.0, 1.0)
        return np.hypot(self.u - x0 - t * ex, self.v - y0 - t * ey) - r

    # Painting.

    def paint(self, colour, distance, strength=1.0):
        cover = np.clip(0.5 - distance / self.edge, 0.0, 1.0)[..., None] * strength
        self.pixels += cover * (np.asarray(colour)[:, None, None, :] - self.pixels)

    def backdrop(self, top, bottom, horizon=None):
        """Two colours one above the other: blended, or split at a horizon that varies."""
        if horizon is None:
            blend = (self.y + 1.0) / 2.0
        else:
            level = horizon + self.rng.uniform(-0.25, 0.25, (self.n, 1, 1)).astype(np.float32)
            blend = np.clip((self.y - level) / (4.0 / self.size) + 0.5, 0.0, 1.0)
        blend = blend[..., None]
        self.pixels[:] = top[:, None, None, :] * (1 - blend) + bottom[:, None, None, :] * blend

    def clutter(self, count):
        """Faint patches anywhere, of any colour, that tell nothing."""
        for _ in range(count):
            per = lambda low, high: self.rng.uniform(low, high, (self.n, 1, 1)).astype(np.float32)
            reach = np.hypot((self.x - per(-1, 1)) / per(0.1, 0.6), (self.y - per(-1, 1)) / per(0.1, 0.6))
            any_of = lambda: self.rng.uniform(0, 1, self.n)
            self.paint(hsv(any_of(), any_of(), any_of()), (reach - 1.0) * 0.2, strength=0.35)

    def finish(self, noise):
        """The pictures as 8-bit RGB, after a change of light and sensor noise."""
        light = self.rng.uniform(0.75, 1.15, (self.n, 1, 1, 1)).astype(np.float32)
        grain = self.rng.normal(0, noise, self.pixels.shape).astype(np.float32)
        return np.round(np.clip(self.pixels * light + grain, 0, 1) * 255).astype(np.uint8)
