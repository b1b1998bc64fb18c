"""A plane through the path of the network's weights, as `web/core/slice.js` lays it, and the loss beneath points."""

from dataclasses import dataclass

import numpy as np

from .network import Floats, images, loss_of

__all__ = ["Plane", "full_loss"]


@dataclass(frozen=True)
class Plane:
    """The plane of the first two principal components of a path.

    Attributes:
        origin: the mean of the path, shape (weights,).
        axes: two unit vectors, shape (2, weights). The first points on from the path's start, and the start has a
            positive second coordinate.
        explained: the share of the path's variance along each.
    """

    origin: Floats
    axes: Floats
    explained: tuple[float, float]

    @classmethod
    def through(cls, path: Floats) -> "Plane":
        """The plane of a path of shape (points, weights), of three points or more."""
        origin = path.mean(axis=0)
        _, lengths, axes = np.linalg.svd(path - origin, full_matrices=False)
        shares = lengths**2 / (lengths**2).sum()
        signs = np.sign((path[0] - origin) @ axes[:2].T) * (-1, 1)
        return cls(origin, signs[:, None] * axes[:2], (float(shares[0]), float(shares[1])))

    def share_of(self, path: Floats) -> float:
        """The share of a path's variance that lies in the plane."""
        offsets = path - path.mean(axis=0)
        return float(((offsets @ self.axes.T) ** 2).sum() / (offsets**2).sum())

    def beneath(self, point: Floats) -> Floats:
        """The point of the plane that is nearest to a point."""
        nearest: Floats = self.origin + (point - self.origin) @ self.axes.T @ self.axes
        return nearest


def full_loss(weights: Floats) -> float:
    """The loss over all images that are trained on."""
    found = images()
    return loss_of(weights, found.pixels[: found.train], found.labels[: found.train])[0]
