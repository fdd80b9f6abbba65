"""Verdicts as JSON, text and HTML, each module a plug-in `render(verdict) -> str` of the group `dqwatch.reports`."""
