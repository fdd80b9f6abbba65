"""The scan and the tables made from it."""

from __future__ import annotations

from dqwatch.metrics.field_maps import map_findings
from dqwatch.metrics.histogram import Bins, Histogram
from dqwatch.metrics.metric import FieldMetric, field_metric
from dqwatch.metrics.scan import Scan, scan
from dqwatch.metrics.view import FieldView

__all__ = ["Bins", "FieldMetric", "FieldView", "Histogram", "Scan", "field_metric", "map_findings", "scan"]
