"""Fréchet distance of two sets of images, by their means and covariances along principal axes."""

import math

import torch
from torch import Tensor

__all__ = ["Reference"]


class Reference:
    r"""Real images that generated ones are compared with (Heusel et al. 2017, on principal axes in place of Inception).

    $$d = |\mu - \nu|^2 + \mathrm{tr}(A) + \mathrm{tr}(B) - 2 \, \mathrm{tr} \sqrt{A B}$$

    with the means $\mu, \nu$ and the covariances $A, B$ of the two sets on the axes. It is computed in float64 on the
    CPU, whatever device the images are on.

    Args:
        images: that give the axes, shape (n, pixels).
        real: that others are compared with, shape (m, pixels).
        axes: how many, those of the largest variance; at most as many as there are pixels.

    >>> images = torch.randn(500, 9, generator=torch.Generator().manual_seed(0))
    >>> reference = Reference(images, images, axes=4)
    >>> shifted = images + 2 * reference.axes[:, 0]  # by two along one axis
    >>> round(reference.distance(images), 6), round(reference.distance(shifted), 3)
    (0.0, 4.0)
    """

    def __init__(self, images: Tensor, real: Tensor, axes: int) -> None:
        images = images.cpu().double()
        self._centre = images.mean(dim=0)
        self.axes = torch.linalg.eigh(torch.cov(images.T)).eigenvectors[:, -axes:]
        self._mean, self._covariance = self._moments(real)
        values, vectors = torch.linalg.eigh(self._covariance)
        self._root = vectors * values.clamp(min=0).sqrt() @ vectors.T

    def _moments(self, images: Tensor) -> tuple[Tensor, Tensor]:
        places = (images.cpu().double() - self._centre) @ self.axes
        return places.mean(dim=0), torch.cov(places.T)

    def distance(self, images: Tensor) -> float:
        """Of images, shape (n, pixels), from the real ones; infinite where one has a pixel that is no finite number."""
        if not images.isfinite().all():
            return math.inf
        mean, covariance = self._moments(images)
        # the trace of the root of A B is that of the symmetric root(A) B root(A), of which eigenvalues are stable
        shared = torch.linalg.eigvalsh(self._root @ covariance @ self._root).clamp(min=0).sqrt().sum()
        return float((mean - self._mean).square().sum() + self._covariance.trace() + covariance.trace() - 2 * shared)
