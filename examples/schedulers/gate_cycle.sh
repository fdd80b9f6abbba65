#!/usr/bin/env bash
# Gate the state of one cycle; start the model if it may start. Exit code: that of the gate, or of the model.
#
#     gate_cycle.sh CYCLE          CYCLE is YYYY-MM-DDTHH, UTC; without it, the last 6-hourly cycle
#
# Where things lie is set by settings.sh beside this file, or by the environment that SETTINGS=none leaves alone.
set -uo pipefail
settings=${SETTINGS:-$(dirname "$0")/settings.sh}
if [[ $settings != none ]]; then
    # shellcheck source=/dev/null
    source "$settings" || exit 2
fi
last=$(($(date -u +%s) / 21600 * 21600))
cycle=${1:-$(date -u -d "@$last" +%Y-%m-%dT%H)}
state=$STATES/$cycle.zarr
before=$STATES/$(date -u -d "${cycle}:00Z - 6 hours" +%Y-%m-%dT%H).zarr || exit 2

words=(gate "$state" --json "$VERDICTS/$cycle.json" --html "$VERDICTS/$cycle.html"
    --prometheus "$METRICS/dqwatch_gate.prom" --quiet)
[[ -n ${BASELINE:-} ]] && words+=(--baseline "$BASELINE")
[[ -n ${BASELINE:-} && -e $before ]] && words+=(--previous "$before")
# shellcheck disable=SC2086 (labels are several words)
dqwatch "${words[@]}" ${LABELS:-}
code=$?
if ((code != 0)); then
    exit "$code"
fi
exec "$RUN_MODEL" "$state"
