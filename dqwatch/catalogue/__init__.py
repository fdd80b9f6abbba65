"""What is known of each variable: names, units, possible values, masks. The facts are in `rules/variables.yaml`."""

from __future__ import annotations

from dqwatch.catalogue.documents import load_catalogue
from dqwatch.catalogue.entries import Band, Entry, Limits
from dqwatch.catalogue.names import Catalogue

__all__ = ["Band", "Catalogue", "Entry", "Limits", "load_catalogue"]
