"""A field before what is expected of it, seen by operations on tensors, of whatever device.

What families of scores ask of a view is computed there; a family of another package that asks for arrays is given
copies on the host.
Shares, extremes and quantiles are the same as on the host; sums agree to rounding in float64.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from dqwatch.buffers import Buffers
from dqwatch.feed.devices import load_torch
from dqwatch.metrics.histogram import Bins
from dqwatch.metrics.kernel_texture import LARGEST as LARGEST_SQUARES
from dqwatch.metrics.kernel_texture import ORDERS
from dqwatch.metrics.on_device import count_finite
from dqwatch.metrics.texture import Texture, of_squares
from dqwatch.scores.family import Family
from dqwatch.scores.kernel_scores import LARGEST
from dqwatch.scores.on_device_place import DevicePlace
from dqwatch.scores.view import Expected, ScoreView, Sums, spread_of


class DeviceView(ScoreView):
    """As `ScoreView`, of a tensor (cell,) on the device of `on`."""

    def __init__(
        self, tensor: Any, kind: str, expected: Expected, on: DevicePlace, buffers: Buffers, host: np.ndarray | None
    ) -> None:
        self.tensor, self._on = tensor, on
        self._mean, self._sd = on.put(expected.mean), on.put(expected.sd)
        if host is not None:
            self.values = host
        self._prepare(kind, expected, on.place, buffers)

    @cached_property
    def values(self) -> np.ndarray:  # type: ignore[override]
        """The field on the host."""
        return np.asarray(self.tensor.cpu().numpy())

    @cached_property
    def _z(self) -> Any:
        torch = load_torch()
        z = ((self.tensor - self._mean) / self._sd).float()
        return torch.where(z.abs() < np.inf, z, np.nan)

    @cached_property
    def z(self) -> np.ndarray:
        """The departures on the host."""
        return np.asarray(self._z.cpu().numpy())

    @cached_property
    def anomaly(self) -> np.ndarray:
        """The departures from the mean on the host."""
        return np.asarray(self._anomaly.cpu().numpy())

    @cached_property
    def _anomaly(self) -> Any:
        return (self.tensor - self._mean).float()

    @cached_property
    def sums(self) -> Sums:
        """As `ScoreView.sums`."""
        finite = self._z.abs() < np.inf
        w, x = _where(finite, self._on.weights), _where(finite, self._z.double())
        n, weight, first, second = _numbers(finite.sum(), w.sum(), (w * x).sum(), (w * x * x).sum())
        if not weight > 0:
            return Sums(0, 0.0, np.nan, np.nan)
        return Sums(int(n), weight, first / weight, second / weight)

    @cached_property
    def largest(self) -> np.ndarray:
        """As `ScoreView.largest`."""
        size = self._z.abs()
        return _largest(_where(size < np.inf, size), LARGEST)

    @cached_property
    def area_means(self) -> np.ndarray:
        """As `ScoreView.area_means`."""
        size, total, _ = self._sum_areas(self.tensor)
        return _ratio(total, size)

    @cached_property
    def area_mean_square(self) -> np.ndarray:
        """As `ScoreView.area_mean_square`."""
        size, _, square = self._sum_areas(self._z)
        return _ratio(square, size)

    def _sum_areas(self, values: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        torch, on = load_torch(), self._on
        finite = values.abs() < np.inf
        w, x = _where(finite, on.weights), _where(finite, values.double())
        sums = torch.zeros((3, on.n_areas), dtype=torch.float64, device=values.device)
        sums.index_add_(1, on.of_cell, torch.stack([w, w * x, w * x * x]))
        size, total, square = sums.cpu().numpy()
        return size, total, square

    @cached_property
    def std(self) -> float:
        """As `ScoreView.std`."""
        finite = self.tensor.abs() < np.inf
        guess = float(self.expected.mean[0])
        x = _where(finite, self.tensor.double() - (guess if np.isfinite(guess) else 0.0))
        n, first, second = _numbers(finite.sum(), x.sum(), (x * x).sum())
        return float(np.sqrt(max(second / n - first / n * (first / n), 0.0))) if n else np.nan

    @cached_property
    def range(self) -> tuple[float, float]:
        """As `ScoreView.range`."""
        torch = load_torch()
        finite = self.tensor.abs() < np.inf
        low = torch.where(finite, self.tensor, np.inf).min()
        high = torch.where(finite, self.tensor, -np.inf).max()
        found = _numbers(low, high)
        return (found[0], found[1]) if found[0] <= found[1] else (np.nan, np.nan)

    @cached_property
    def unexpected(self) -> tuple[float, float]:
        """As `ScoreView.unexpected`."""
        there, expected = self.tensor.abs() < np.inf, self._sd < np.inf
        missing, appeared = _numbers((expected & ~there).sum(), (there & ~expected).sum())
        return missing, appeared

    def sample(self, cells: int) -> np.ndarray:
        """As `ScoreView.sample`."""
        return np.asarray(self.tensor[:: max(1, len(self.tensor) // cells)].cpu().numpy())

    def count(self, bins: Bins) -> np.ndarray:
        """As `ScoreView.count`."""
        return count_finite(self.tensor, bins)

    @cached_property
    def steps_east(self) -> tuple[float, float]:
        """As `ScoreView.steps_east`."""
        east, there = self._on.east
        z = self._z.double()
        d = z[east] - z
        finite = there & (d.abs() < np.inf)
        w, d = _where(finite, self._on.weights), _where(finite, d)
        weight, square = _numbers(w.sum(), (w * d * d).sum())
        return weight, square

    @cached_property
    def products(self) -> tuple[float, ...]:
        """As `ScoreView.products`."""
        finite = (self.tensor.abs() < np.inf) & (self._mean.abs() < np.inf)
        w = _where(finite, self._on.weights)
        a, b = _where(finite, self.tensor.double()), _where(finite, self._mean.double())
        wa, wb = w * a, w * b
        return tuple(_numbers(w.sum(), wa.sum(), wb.sum(), (wa * a).sum(), (wb * b).sum(), (wa * b).sum()))

    @cached_property
    def slopes(self) -> list[tuple[float, float]]:
        """As `ScoreView.slopes`."""
        mean, sd, z = self._mean.double(), self._sd, self._z
        found = []
        for (before, has_before), (after, has_after) in self._on.beside:
            g = 0.5 * (mean[after] - mean[before]) / sd
            finite = has_before & has_after & (g.abs() < np.inf) & (z.abs() < np.inf)
            g, x = _where(finite, g), _where(finite, z.double())
            wg = self._on.weights * g
            product, square = _numbers((wg * x).sum(), (wg * g).sum())
            found.append((product, square))
        return found

    def count_points(self, low: float, high: float) -> tuple[int, ...]:
        """As `ScoreView.count_points`."""
        values, (east, there) = self.tensor, self._on.east
        finite = values.abs() < np.inf
        pairs = finite & there & finite[east]
        found = (finite, finite & (values == low), finite & (values == high), pairs, pairs & (values[east] == values))
        return tuple(int(x) for x in _numbers(*(one.sum() for one in found)))

    def tails(self, share: float) -> tuple[float, float]:
        """As `ScoreView.tails`."""
        n = self.sums.n
        if n == 0:
            return np.nan, np.nan
        place = int(share * (n - 1))
        z = self._z[self._z.abs() < np.inf]
        low, high = z.topk(place + 1, largest=False).values[-1], z.topk(place + 1).values[-1]
        found = _numbers(low, high)
        return found[0], found[1]

    @cached_property
    def isolated(self) -> tuple[float, int]:
        """As `ScoreView.isolated`."""
        torch, values, around = load_torch(), self.tensor, self._on.around
        assert self.rain is not None  # noqa: S101 (whoever asks has looked)
        finite = values.abs() < np.inf
        if around is None:
            return np.nan, int(finite.sum())
        wet, dry = torch.tensor(self.rain, dtype=values.dtype, device=values.device)
        owner, other = around
        beside = torch.stack([finite, finite & (values >= dry)]).int()
        n_beside, n_wetter = torch.zeros_like(beside).index_add_(1, owner, beside[:, other])
        alone = finite & (values >= wet) & (n_beside > 0) & (n_wetter == 0)
        found, n = _numbers(alone.sum(), finite.sum())
        return found, int(n)

    @cached_property
    def texture(self) -> Texture:
        """As `ScoreView.texture`."""
        return self._texture(self.tensor, self.std)

    @cached_property
    def anomaly_texture(self) -> Texture:
        """As `ScoreView.anomaly_texture`."""
        x = self._anomaly.double()
        finite = x.abs() < np.inf
        x = _where(finite, x)
        n, first, second = _numbers(finite.sum(), x.sum(), (x * x).sum())
        return self._texture(self._anomaly, spread_of(n, first, second))

    def _texture(self, values: Any, std: float) -> Texture:
        """Differences of the first to fourth order along rows, or from the mean around each cell."""
        counts, totals = np.zeros(ORDERS, np.int64), np.zeros(ORDERS)
        largest = np.zeros((ORDERS, LARGEST_SQUARES))
        along = self._along_rows if self._on.row_of is not None else self._on_graph
        for order, squares in enumerate(along(values.double())):
            usable = squares < np.inf
            squares = _where(usable, squares)
            n, totals[order] = _numbers(usable.sum(), squares.sum())
            counts[order] = int(n)
            largest[order] = _largest(squares, LARGEST_SQUARES)
        return of_squares(counts, totals, largest, std)

    def _along_rows(self, d: Any) -> Iterator[Any]:
        """Squares of the differences of each order, NaN across the end of a row."""
        row = self._on.row_of
        for order in range(min(ORDERS, len(d) - 1)):
            d = d[1:] - d[:-1]
            yield load_torch().where(row[order + 1 :] == row[: -order - 1], d * d, np.nan)

    def _on_graph(self, d: Any) -> Iterator[Any]:
        """Squares of what cells differ by from the mean around them, from those differences again, and so on."""
        torch, around = load_torch(), self._on.around
        assert around is not None  # noqa: S101 (there are neighbours where there are no rows)
        owner, other = around
        number = torch.zeros_like(d).index_add_(0, owner, torch.ones_like(owner, dtype=d.dtype))
        for _ in range(ORDERS):
            d = d - torch.zeros_like(d).index_add_(0, owner, d[other]) / number
            d = torch.where(d.abs() < np.inf, d, np.nan)
            yield d * d


def on_host(families: Sequence[Family]) -> list[str]:
    """Names of the families that are given arrays of the host: those of other packages."""
    others = [f for f in families if not f.areas and not f.function.__module__.startswith("dqwatch.scores.")]
    return [family.function.__name__ for family in others]


def count_changed(values: Any, constant: np.ndarray, share: float) -> int:
    """Cells that differ from a constant field by more than a share of its range, or in being missing.

    Parameters
    ----------
    values : torch.Tensor (cell,)
    constant : np.ndarray (cell,)
    share : float

    Returns
    -------
    int
        As of an array of the host, `dqwatch.departures.scoring.count_changed`.
    """
    torch = load_torch()
    there = constant[np.isfinite(constant)]
    scale = (np.ptp(there) or np.abs(there).max()) if there.size else 0.0
    known = torch.from_numpy(np.array(constant)).to(values.device)
    both, same = (known.abs() < np.inf), (values.abs() < np.inf)
    differs = both & same & ((values.double() - known.double()).abs() > float(share * scale))
    return int((both != same).sum() + differs.sum())


def _where(condition: Any, values: Any) -> Any:
    return load_torch().where(condition, values, 0.0)


def _numbers(*scalars: Any) -> list[float]:
    """Scalars of a device as numbers, fetched at once."""
    found: list[float] = load_torch().stack([s.double() for s in scalars]).tolist()
    return found


def _largest(values: Any, n: int) -> np.ndarray:
    """The largest of some values that are 0 or above, ascending, float64 (n,); zeros where there are fewer."""
    found = np.zeros(n)
    top = values.topk(min(n, len(values))).values.double().flip(0).cpu().numpy()
    found[n - top.size :] = top
    return found


def _ratio(total: np.ndarray, size: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(size > 0, total / size, np.nan)
