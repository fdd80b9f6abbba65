"""The command `dqwatch losses`."""

from __future__ import annotations

from functools import partial

from dqwatch import history_options, loss_options, options
from dqwatch.options import Run
from dqwatch.running import run


def losses(
    series: loss_options.LossSeries,
    against: loss_options.AuditTables = None,
    metric: loss_options.Metric = None,
    rules: options.Rules = None,
    fail_on: options.FailOn = options.Severity.critical,
    waivers: options.Waivers = None,
    json: options.JsonFile = None,
    html: options.HtmlFile = None,
    layout: options.PageLayout = None,
    junit: options.JunitFile = None,
    tables: options.TablesFolder = None,
    data_docs: options.DataDocsFolder = None,
    history: history_options.History = None,
    label: history_options.Labels = None,
    notify: history_options.Notify = None,
    notify_on: history_options.NotifyOn = history_options.Occasion.change,
    prometheus: history_options.PrometheusFile = None,
    select: options.Select = None,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> Run:
    """Watch the losses of a training by variable: spikes, plateaus, one parting from the others; and the data behind.

    Example: dqwatch losses losses.csv --against out/tables
    """
    given = locals()
    return partial(run, "losses", {"data": [given.pop("series")], **given})
