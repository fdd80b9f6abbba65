"""A gate inside another program: configured once, its baseline loaded once, and a verdict on each state given to it."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from dqwatch.errors import DqwatchError, GateClosedError, UsageError

if TYPE_CHECKING:
    from dqwatch.types import Verdict

LOG = logging.getLogger("dqwatch")
Action = Literal["raise", "warn"]
ACTIONS: tuple[Action, ...] = ("raise", "warn")
SUFFIXES = (".json", ".html")


class Gatekeeper:
    """Decides whether a program may go on with a state.

    Parameters
    ----------
    baseline : path, optional
        What `dqwatch baseline` made of the training data; loaded once in a process, however many gates ask for it.
    rules : str or sequence of str
        Names of shipped rule sets, or paths of rule files.
    action : {'raise', 'warn'}
        What a closed gate does: stop the program, or say so and let it go on.
    report : path or sequence of paths, optional
        Where the verdict is written, as JSON or HTML by suffix. `{date}` and `{dataset}` in it are replaced.
    fail_on : {'critical', 'warning', 'info', 'never'}
        The least severity that closes the gate.
    waivers : path, optional
        A file of waivers.
    workers : int, optional
        Threads; one per core by default.

    Raises
    ------
    UsageError
        If an argument is wrong, a rule file is, or a report cannot be written: now, before any state is there.
    SourceError
        If the baseline cannot be read.
    """

    def __init__(
        self,
        *,
        baseline: str | os.PathLike[str] | None = None,
        rules: str | Sequence[str] = "gate",
        action: Action = "raise",
        report: str | Sequence[str] | None = None,
        fail_on: Any = "critical",
        waivers: str | None = None,
        workers: int | None = None,
    ) -> None:
        from dqwatch.conclusion import check_request, load_rules

        if action not in ACTIONS:
            raise UsageError(f"action: got '{action}'; give one of {', '.join(ACTIONS)}")
        check_request(fail_on, workers, 1)
        self.action = action
        self._rules = (rules,) if isinstance(rules, str) else tuple(rules)
        self._reports = (report,) if isinstance(report, str) else tuple(report or ())
        self._options: dict[str, Any] = {"fail_on": fail_on, "waivers": waivers, "workers": workers}
        for path in self._reports:
            _check_report(path)
        load_rules(self._rules, {})
        self._baseline = None if baseline is None else load_baseline(os.path.realpath(baseline))

    def check_names(self, where: str, n_datasets: int) -> None:
        """Refuse reports of several data sets that would take each other's place.

        Raises
        ------
        UsageError
            If there are several, and a report has one name for all.
        """
        if n_datasets > 1 and any("{dataset}" not in path for path in self._reports):
            raise UsageError(f"{where}: report: one name for {n_datasets} data sets; put {{dataset}} into it")

    def judge(self, state: Callable[[], Any], name: str, *, dataset: str = "data", date: str = "") -> Verdict:
        """Gate a state, write the reports, and act where the gate is closed.

        Parameters
        ----------
        state : callable
            Makes the DATA argument of `dqwatch.gate`; where it fails, the state could not be judged.
        name : str
            What messages call the state.
        dataset, date : str
            What stands for `{dataset}` and `{date}` in the names of reports.

        Returns
        -------
        Verdict
            With status 'error' if the state could not be judged.

        Raises
        ------
        GateClosedError
            If the gate is closed, or the state could not be judged, and the action is to stop.
        UsageError
            If a report cannot be written.
        """
        verdict = self._gate(state, name)
        written = [self._write(_filled(report, dataset, date), verdict) for report in self._reports]
        self._act(verdict, [path for path in written if path])
        return verdict

    def _gate(self, state: Callable[[], Any], name: str) -> Verdict:
        import dqwatch
        from dqwatch.running import describe_failure

        try:
            with _quiet("great_expectations", "numba"):
                return dqwatch.gate(state(), baseline=self._baseline, rules=self._rules, **self._options)
        except Exception as error:  # whatever it is, the program is stopped or told, and a report says why
            LOG.debug("dqwatch: the state could not be judged", exc_info=True)
            return describe_failure("gate", [name], error)

    def _write(self, path: str, verdict: Verdict) -> str:
        """The path; '' if it cannot be written and that is to be warned of only."""
        from dqwatch.reports.files import write_text

        try:
            write_text(path, verdict.to_json() if path.endswith(".json") else verdict.to_html())
        except UsageError as error:
            if self.action == "raise":
                raise
            LOG.warning("dqwatch: report: %s", error)
            return ""
        return path

    def _act(self, verdict: Verdict, written: Sequence[str]) -> None:
        from dqwatch.reports.text import verdict_line

        line = verdict_line(verdict) + (f" | report: {', '.join(written)}" if written else "")
        if verdict.ok:
            LOG.info(line)
        elif self.action == "warn":
            LOG.warning("%s | goes on, as action is 'warn'", line)
        else:
            raise GateClosedError(line)


@cache
def load_baseline(path: str) -> Any:
    """The baseline at a path, read once in this process."""
    from dqwatch.holding import open_baseline

    return open_baseline(path)


def make_gatekeeper(where: str, settings: Mapping[str, Any], n_datasets: int = 1) -> Gatekeeper:
    """A gatekeeper by the settings of a configuration file.

    Parameters
    ----------
    where : str
        What messages call it.
    settings : mapping
        Arguments of `Gatekeeper`.
    n_datasets : int
        How many data sets it judges the states of.

    Raises
    ------
    UsageError, SourceError
        As `Gatekeeper`, for a setting that there is none of, or for reports of one name for several data sets.
    """
    allowed = ("baseline", "rules", "action", "report", "fail_on", "waivers", "workers")
    unknown = sorted(set(settings) - set(allowed))
    if unknown:
        raise UsageError(f"{where}: got {', '.join(unknown)}; it takes {', '.join(allowed)}")
    try:
        keeper = Gatekeeper(**settings)
    except DqwatchError as error:
        raise _at(where, error) from error
    keeper.check_names(where, n_datasets)
    return keeper


def _at(where: str, error: DqwatchError) -> DqwatchError:
    """The same error, of which it is told where it comes from."""
    return type(error)(f"{where}: {error}")


@contextmanager
def _quiet(*names: str) -> Iterator[None]:
    """Let libraries say no more than warnings in a program that logs what they tell of themselves."""
    levels = {name: logging.getLogger(name).level for name in names}
    for name, level in levels.items():
        logging.getLogger(name).setLevel(max(level, logging.WARNING))
    try:
        yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)


def _filled(report: str, dataset: str, date: str) -> str:
    return report.replace("{dataset}", dataset).replace("{date}", date)


def _check_report(path: Any) -> None:
    from dqwatch.reports.files import check_file

    if not isinstance(path, str) or Path(path).suffix not in SUFFIXES:
        raise UsageError(f"report: got '{path}'; give a file whose name ends in {' or '.join(SUFFIXES)}")
    check_file(_filled(path, "data", "date"), "report")
