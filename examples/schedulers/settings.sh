# Where things lie; read by the recipes of this folder. Let only its owner read it if it holds passwords (chmod 600).
export STATES=/opt/weather/states             # YYYY-MM-DDTHH.zarr of each cycle
export BASELINE=/opt/weather/era5-baseline.zarr
export VERDICTS=/opt/weather/verdicts
export METRICS=/var/lib/node_exporter/textfile
export RUN_MODEL=/opt/weather/run_model.sh    # called with the path of the state
export LABELS="--label source=ifs --label cycle=49r1"
export DQWATCH_HISTORY=/opt/weather/history.db
# export DQWATCH_HISTORY=postgresql://dqwatch:password@database/weather
# export DQWATCH_NOTIFY="mailto://user:password@example.org jsons://hooks.example.org/dqwatch"
