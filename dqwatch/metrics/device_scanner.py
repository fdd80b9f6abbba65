"""Fields scanned on a device: found by `on_device`, judged as those of the kernel are."""

from __future__ import annotations

from typing import Any

import numpy as np

from dqwatch.feed.devices import Device, load_torch
from dqwatch.metrics import kernel_layout as layout
from dqwatch.metrics import on_device
from dqwatch.metrics.fields import Plan, Scanner
from dqwatch.metrics.kernel import suspicions
from dqwatch.metrics.kernel_bins import quantiles
from dqwatch.metrics.on_device_hash import hash_flags


class DeviceScanner(Scanner):
    """One worker's own, as `Scanner`; each field is copied to the device once. Metrics run on the host beside it."""

    def __init__(self, device: Device, *rest: Any) -> None:
        super().__init__(*rest)
        self._device = load_torch().device(str(device))
        self._sights: dict[tuple[int, np.dtype], on_device.Sight] = {}
        self._tensor: Any = None
        """The field, (1, cell), between the first look and the others."""

    def _look(self, v: int, values: np.ndarray, plan: Plan, ints: Any, floats: Any, hashes: Any) -> int:
        own = values if values.flags.writeable else values.copy()
        self._tensor = load_torch().from_numpy(own).to(self._device)[None]
        found = on_device.look(self._tensor, self._sight(v, values.dtype))
        n_nan, n_inf = int(found.n_nan[0]), int(found.n_inf[0])
        ints[:] = 0
        ints[layout.N], ints[layout.N_NAN], ints[layout.N_INF] = values.size, n_nan, n_inf
        hashes[layout.NAN_HASH], hashes[layout.DATA_HASH] = 0, found.data_hash[0]
        self._total[:] = found.counts[0]
        looks = layout.NAN_LOOK if n_nan else 0
        n_finite = values.size - n_nan - n_inf
        floats[:] = np.nan
        if n_finite == 0:
            return looks
        floats[: layout.Q01] = [one[0] for one in (found.least, found.most, found.mean, found.std, found.wmean)]
        if quantiles(self._total, plan.edges, n_finite, floats):
            looks |= layout.BIN_LOOK
        return int(looks | suspicions(floats, plan.limits, plan.fills))

    def _look_again(
        self, looks: int, v: int, values: np.ndarray, plan: Plan, ints: Any, floats: Any, hashes: Any
    ) -> None:
        limits, field, sight = plan.limits, self._tensor[0], self._sight(v, values.dtype)
        least, most = float(floats[layout.MIN]), float(floats[layout.MAX])
        if looks & layout.NAN_LOOK:
            hashes[layout.NAN_HASH] = hash_flags(on_device.is_nan(self._tensor, sight), sight.keys)[0]
        if looks & layout.BOUNDS_LOOK:
            low, high = float(limits[layout.LOW]), float(limits[layout.HIGH])
            ints[layout.N_OUT_OF_BOUNDS] = on_device.count_outside(field, low, high)
        if looks & layout.USUAL_LOOK:
            low, high = float(limits[layout.USUAL_LOW]), float(limits[layout.USUAL_HIGH])
            ints[layout.N_UNUSUAL] = on_device.count_outside(field, low, high)
        if looks & layout.FILL_LOOK:
            ints[layout.N_SENTINEL] = on_device.count_fills(field, plan.fills, limits, plan.bounded, least, most)
        if looks & layout.BIN_LOOK and least < most:
            self._local_quantiles(field, plan, ints, floats)

    def _local_quantiles(self, field: Any, plan: Plan, ints: Any, floats: Any) -> None:
        """As `kernel_looks.local_quantiles`."""
        least, most = floats[layout.MIN], floats[layout.MAX]
        with np.errstate(over="ignore", divide="ignore"):
            width = (most - least) / layout.BINS
            bins = plan.bins.copy()
            bins[layout.BIN_LOW], bins[layout.BIN_INVERSE] = least, 1.0 / width
        if not (width > 0.0 and np.isfinite(width) and np.isfinite(bins[layout.BIN_INVERSE])):
            return
        n_nan, n_inf = int(ints[layout.N_NAN]), int(ints[layout.N_INF])
        edges = np.concatenate([[-np.inf], least + np.arange(layout.BINS + 1) * width, [np.inf]])
        quantiles(on_device.count_between(field, n_nan, n_inf, bins), edges, field.numel() - n_nan - n_inf, floats)

    def _sight(self, v: int, dtype: np.dtype) -> on_device.Sight:
        if (v, dtype) not in self._sights:
            weights = self._weights[self._source.variables[v].grid]
            self._sights[v, dtype] = on_device.Sight(dtype, [self._bins[v]], weights, self._device)
        return self._sights[v, dtype]
