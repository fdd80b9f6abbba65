"""The verb `inspect` run for the command line: shown, and written where that was asked for, also if it fails."""

from __future__ import annotations

import sys
from typing import Any

import dqwatch
from dqwatch.options import short_name
from dqwatch.outputs import Outputs
from dqwatch.running import code_of, reason
from dqwatch.terminal import private_stderr, say, speaks_unicode, width


def inspect(data: list[str], arguments: dict[str, Any], outputs: Outputs) -> int:
    """Inspect, and show: on stdout, because that is what was asked for, unless JSON goes there."""
    from dqwatch.reports import inspection, inspection_json

    outputs.check()
    stream = sys.stderr if outputs.json == "-" else sys.stdout
    try:
        with private_stderr(outputs.verbose):
            found = dqwatch.inspect(data[0] if len(data) == 1 else data, **arguments)
            document = inspection_json.render(found)
            text = inspection.render(found, width=width(stream), ascii_only=not speaks_unicode(stream))
            if outputs.html:
                _write_page(outputs.html, found)
        outputs.write_document(document)
    except Exception as error:
        names = [*map(short_name, data)]
        if outputs.html:
            _write_failure(outputs.html, names, reason(error))
        outputs.write_document(inspection_json.render_failure(names, reason(error), code_of(error)))
        raise
    say(text, stream)
    return 0


def _write_page(path: str, found: Any) -> None:
    from dqwatch.reports import files, html_inspection

    files.write_text(path, html_inspection.render(found))


def _write_failure(path: str, names: list[str], why: str) -> None:
    from dqwatch.reports import files, html_inspection

    files.write_text(path, html_inspection.render_failure(names, why))
