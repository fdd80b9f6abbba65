"""The random part of the example weather: fields with a red spectrum, a memory and a motion, evolving in 6 h steps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from examples.sphere import Grid, Harmonics, spectrum

STEPS_PER_DAY = 4
BLOCK = 256
"""Steps that are made at once; their random numbers depend on the seed and on the number of the block only."""


@dataclass(frozen=True)
class Latent:
    """A random field of mean 0 and variance 1, first order autoregressive in every spherical harmonic."""

    lmax: int
    peak: float
    """Degree beyond which the spectrum falls."""
    slope: float
    memory: float
    """Days after which a harmonic of degree 6 has lost all but 1/e; smaller scales forget sooner."""
    speed: float = 7.0
    """Eastward, degrees a day."""
    fading: float = 0.7
    """Memory falls as degree to the power of minus this."""


LATENTS = {
    "stream": Latent(21, 5, 5.0, 7.0),
    "shear": Latent(21, 5, 5.0, 7.0),
    "heat": Latent(31, 5, 2.6, 7.0),
    "moist": Latent(31, 6, 2.0, 5.0),
    "rain": Latent(31, 7, 2.2, 3.5),
    "shower": Latent(31, 8, 1.8, 2.0),
    "gust_u": Latent(31, 6, 2.2, 3.0),
    "gust_v": Latent(31, 6, 2.2, 3.0),
    "slow_heat": Latent(8, 2, 2.0, 300.0, speed=0.0, fading=0.0),
    "slow_wet": Latent(8, 2, 2.0, 300.0, speed=0.0, fading=0.0),
}


class Path:
    """One history of all latent fields on a grid, the same for the same seed."""

    def __init__(self, grid: Grid, seed: int) -> None:
        self.seed = seed
        self._harmonics: dict[int, Harmonics] = {}
        self._parts: dict[str, tuple[slice, int]] = {}
        scale, keep = [], []
        begin = 0
        for name, latent in LATENTS.items():
            lmax = min(latent.lmax, 2 * grid.number - 1)
            harmonics = self._harmonics.setdefault(lmax, Harmonics(grid, lmax))
            degree = harmonics.degree
            energy = spectrum(lmax, latent.peak, latent.slope)
            memory = latent.memory * (6.0 / np.maximum(degree, 1)) ** latent.fading
            turn = np.radians(latent.speed / STEPS_PER_DAY) * harmonics.order
            scale.append(np.sqrt(energy[degree] / (2 * degree + 1)))
            keep.append(np.exp(-1.0 / (STEPS_PER_DAY * memory) - 1j * turn))
            self._parts[name] = slice(begin, begin + degree.size), lmax
            begin += degree.size
        self._scale = np.concatenate(scale).astype(np.float32)
        self._keep = np.concatenate(keep).astype(np.complex64)
        self._innovation = (np.concatenate(scale) * np.sqrt(1 - np.abs(np.concatenate(keep)) ** 2)).astype(np.float32)

    def blocks(self) -> Iterator[np.ndarray]:
        """Coefficients of steps 0..255, 256..511, ... without end: complex64 (BLOCK, coefficient)."""
        state = None
        number = 0
        while True:
            generator = np.random.Generator(np.random.Philox(np.random.SeedSequence([self.seed, number])))
            noise = generator.standard_normal((BLOCK, 2 * self._keep.size), dtype=np.float32).view(np.complex64)
            if state is None:
                state = noise[0] * self._scale
            noise *= self._innovation
            for step in noise:
                step += state * self._keep
                state = step
            yield noise
            state = noise[-1].copy()
            number += 1

    def field(self, coefficients: np.ndarray, name: str, derivative: str = "values") -> np.ndarray:
        """One latent field, or its derivative `eastward` or `northward` per radian: float32 (step, cell)."""
        part, lmax = self._parts[name]
        packed = np.ascontiguousarray(coefficients[:, part]).view(np.float32)
        return packed @ getattr(self._harmonics[lmax], derivative)
