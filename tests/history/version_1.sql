BEGIN TRANSACTION;
CREATE TABLE dqwatch_areas (
    run_id BIGINT NOT NULL,
    position INTEGER NOT NULL,
    time VARCHAR NOT NULL,
    valid_at DATETIME,
    member INTEGER NOT NULL,
    variable VARCHAR NOT NULL,
    kind VARCHAR NOT NULL,
    area INTEGER NOT NULL,
    south DOUBLE,
    north DOUBLE,
    west DOUBLE,
    east DOUBLE,
    mean DOUBLE,
    rms DOUBLE,
    PRIMARY KEY (run_id, position)
)
 WITHOUT ROWID

;
CREATE TABLE dqwatch_cycles (
    run_id BIGINT NOT NULL,
    position INTEGER NOT NULL,
    time VARCHAR NOT NULL,
    valid_at DATETIME,
    member INTEGER NOT NULL,
    p_cycle DOUBLE,
    null_size INTEGER NOT NULL,
    null_years INTEGER NOT NULL,
    n_variables INTEGER NOT NULL,
    n_named INTEGER NOT NULL,
    variables TEXT NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (run_id, position)
)
 WITHOUT ROWID

;
INSERT INTO "dqwatch_cycles" VALUES(1,0,'2020-03-01T06:00:00','2020-03-01 06:00:00.000000',0,0.001,2436,10,1,0,'','');
CREATE TABLE dqwatch_drift (
    run_id BIGINT NOT NULL,
    position INTEGER NOT NULL,
    time VARCHAR NOT NULL,
    valid_at DATETIME,
    member INTEGER NOT NULL,
    variable VARCHAR NOT NULL,
    param VARCHAR NOT NULL,
    level DOUBLE,
    p_value DOUBLE,
    q_value DOUBLE,
    departure DOUBLE,
    leading_score VARCHAR NOT NULL,
    score DOUBLE,
    usual_score DOUBLE,
    region VARCHAR NOT NULL,
    named BOOLEAN NOT NULL,
    alarmed BOOLEAN NOT NULL,
    n_exact INTEGER NOT NULL,
    exact TEXT NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (run_id, position)
)
 WITHOUT ROWID

;
INSERT INTO "dqwatch_drift" VALUES(1,0,'2020-03-01T06:00:00','2020-03-01 06:00:00.000000',0,'2t','2t',NULL,0.001,0.001,1.0,'mean',1.5,0.5,'',1,1,0,'','');
CREATE TABLE dqwatch_findings (
    run_id BIGINT NOT NULL,
    position INTEGER NOT NULL,
    rule VARCHAR NOT NULL,
    severity VARCHAR NOT NULL,
    status VARCHAR NOT NULL,
    table_name VARCHAR NOT NULL,
    column_name VARCHAR,
    variable VARCHAR,
    level DOUBLE,
    time VARCHAR,
    observed TEXT,
    expected TEXT NOT NULL,
    n_checked BIGINT NOT NULL,
    n_failed BIGINT NOT NULL,
    first_failures TEXT NOT NULL,
    hint TEXT NOT NULL,
    title TEXT NOT NULL,
    waiver TEXT,
    PRIMARY KEY (run_id, position)
)
 WITHOUT ROWID

;
INSERT INTO "dqwatch_findings" VALUES(1,0,'nan.none','critical','fail','fields','n_nan','t_850',850.0,'2020-03-01T06:00:00','12','0',8,2,'[{"time": "2020-03-01T06:00:00", "n_nan": 12, "mean": null}]','look at it','no NaN',NULL);
CREATE TABLE dqwatch_labels (
    run_id BIGINT NOT NULL,
    position INTEGER NOT NULL,
    "key" VARCHAR NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (run_id, position)
)
 WITHOUT ROWID

;
INSERT INTO "dqwatch_labels" VALUES(1,0,'cycle','49r1');
CREATE TABLE dqwatch_runs (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    recorded_at DATETIME NOT NULL,
    verb VARCHAR NOT NULL,
    status VARCHAR NOT NULL,
    exit_code SMALLINT NOT NULL,
    series VARCHAR NOT NULL,
    name TEXT NOT NULL,
    inputs TEXT NOT NULL,
    baseline TEXT,
    rules TEXT NOT NULL,
    fail_on VARCHAR NOT NULL,
    sampled TEXT NOT NULL,
    error TEXT NOT NULL,
    n_rules INTEGER NOT NULL,
    n_pass INTEGER NOT NULL,
    n_warn INTEGER NOT NULL,
    n_fail INTEGER NOT NULL,
    n_error INTEGER NOT NULL,
    n_no_data INTEGER NOT NULL,
    n_waived INTEGER NOT NULL,
    total_s DOUBLE,
    scan_bytes BIGINT,
    peak_memory_mb DOUBLE,
    version VARCHAR NOT NULL,
    json_path TEXT,
    html_path TEXT
);
INSERT INTO "dqwatch_runs" VALUES(1,'2026-11-01 00:00:00.000000','gate','fail',1,'{"cycle": "49r1"}','ic.zarr','[{"name": "ic.zarr", "kind": "anemoi_zarr", "identity": "abc"}]','training.zarr','gate','critical','','',3,2,0,1,0,0,0,1.5,10000,100.0,'0.1.0',NULL,NULL);
CREATE TABLE dqwatch_schema (
    version INTEGER NOT NULL
);
INSERT INTO "dqwatch_schema" VALUES(1);
CREATE TABLE dqwatch_scorecard (
    run_id BIGINT NOT NULL,
    position INTEGER NOT NULL,
    time VARCHAR NOT NULL,
    valid_at DATETIME,
    member INTEGER NOT NULL,
    variable VARCHAR NOT NULL,
    param VARCHAR NOT NULL,
    level DOUBLE,
    region VARCHAR NOT NULL,
    mean DOUBLE,
    rms DOUBLE,
    named BOOLEAN NOT NULL,
    PRIMARY KEY (run_id, position)
)
 WITHOUT ROWID

;
CREATE TABLE dqwatch_slow (
    run_id BIGINT NOT NULL,
    position INTEGER NOT NULL,
    variable VARCHAR NOT NULL,
    param VARCHAR NOT NULL,
    level DOUBLE,
    p_year DOUBLE,
    departure DOUBLE,
    source VARCHAR NOT NULL,
    region VARCHAR NOT NULL,
    detector VARCHAR NOT NULL,
    direction VARCHAR NOT NULL,
    onset VARCHAR NOT NULL,
    reached VARCHAR NOT NULL,
    alarmed BOOLEAN NOT NULL,
    null_years INTEGER NOT NULL,
    PRIMARY KEY (run_id, position)
)
 WITHOUT ROWID

;
CREATE INDEX dqwatch_runs_recorded_at ON dqwatch_runs (recorded_at);
CREATE INDEX dqwatch_runs_series ON dqwatch_runs (verb, series);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('dqwatch_runs',1);
COMMIT;
