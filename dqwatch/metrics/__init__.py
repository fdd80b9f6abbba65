"""The scan and the tables made from it."""

from __future__ import annotations

from dqwatch.metrics.histogram import Bins, Histogram
from dqwatch.metrics.scan import Scan, scan

__all__ = ["Bins", "Histogram", "Scan", "scan"]
