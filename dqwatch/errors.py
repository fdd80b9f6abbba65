"""Every error that dqwatch raises on purpose.

    DqwatchError                      exit code 3
    ├── UsageError (ValueError)       exit code 2: the command or a file of the user's own must change
    │   ├── RuleFileError             a rule set, catalogue or layout file is wrong
    │   ├── UnsupportedDataError      a kind of input that dqwatch does not read (yet)
    │   └── MissingExtraError (ImportError)   an optional package is needed; names the extra
    ├── SourceError (OSError)         exit code 3: the input cannot be read
    │   └── SourceNotFoundError (FileNotFoundError)
    ├── SchedulerError                exit code 3: the scheduler or its workers are lost
    ├── HistoryError                  exit code 3: the history cannot be reached, read or written
    ├── NothingThereError             exit code 4: the input is sound, but holds nothing to look at
    └── GateClosedError (SystemExit)      exit code 1: inside another program, which must not go on

A message is one line: where, what, got, allowed, what to do.
"""

from __future__ import annotations


class DqwatchError(Exception):
    """Base of all errors of dqwatch; `exit_code` is what the command line returns for it."""

    exit_code = 3


class UsageError(DqwatchError, ValueError):
    """An option, argument or file of the user's own is wrong."""

    exit_code = 2


class RuleFileError(UsageError):
    """A rule set, catalogue or layout file cannot be used; the message names file, rule and key."""


class UnsupportedDataError(UsageError):
    """The input is of a kind that dqwatch does not read."""


class MissingExtraError(UsageError, ImportError):
    """An optional package is missing; the message names the extra that brings it."""


class SourceError(DqwatchError, OSError):
    """The input exists but cannot be read as what it claims to be."""


class SourceNotFoundError(SourceError, FileNotFoundError):
    """There is no such input."""


class SchedulerError(DqwatchError):
    """The scheduler that was to spread the work cannot be reached, or it or its workers are lost."""


class HistoryError(DqwatchError):
    """The history cannot be reached, read or written, or is of a newer dqwatch."""


class NothingThereError(DqwatchError):
    """The input can be read, but there is nothing in it to look at."""

    exit_code = 4


class GateClosedError(DqwatchError, SystemExit):
    """A gate inside another program is closed, or could not be asked; the program must not go on.

    Left alone it ends the program with its message and exit code 1, as `sys.exit` does, without a traceback; whoever
    catches `Exception` catches it too.
    """

    exit_code = 1

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.code = message  # of SystemExit, whose own __init__ is not called; without it the exit code would be 0
