"""Where the shipped data files are: `rules/` and `dashboards/` at the top of a checkout, copies inside a wheel."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def folder(name: str) -> Path:
    """The folder of shipped files `name` ('rules' or 'dashboards').

    Raises
    ------
    FileNotFoundError
        If the installation is incomplete: the folder is neither in the wheel nor beside the package.
    """
    for candidate in (_PACKAGE / "_data" / name, _PACKAGE.parent / name):
        if candidate.is_dir():
            return candidate
    raise FileNotFoundError(f"dqwatch: its folder '{name}' is missing from the installation; reinstall dqwatch")
