"""Verdicts as JSON, text, HTML and JUnit XML: modules with `render(verdict) -> str`, plug-ins of `dqwatch.reports`."""
