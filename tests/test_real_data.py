"""What the audit says of real files: nothing critical about the good ones, the defect of each bad one.

The table is the test: a file, the critical rules that must fail for it (exactly these), the warnings that may, and why.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import iris_sample_data
import pytest
from conftest import real_data

import dqwatch
from dqwatch.errors import SourceError


class Case(NamedTuple):
    file: str
    critical: frozenset[str] = frozenset()
    warnings: frozenset[str] = frozenset()
    info: frozenset[str] = frozenset()
    """Remarks that must be there."""
    why: str = ""


REFUSED = "grib/era5-levels-corrupted.grib"
WINTERS = frozenset({"time.gaps"})
DRIFTING = "steps of 365 days in a calendar with leap years: from July in 1890 to June in 1999"
CELSIUS_WINTERS = frozenset({"time.gaps", "units.magnitude", "bounds"})
"""Temperatures near 10 without any units attribute: degrees Celsius, where the catalogue's K would be read."""

SHARED = [
    Case("annual/TREFHT.B06.57.atm.1890-1999ANN.nc", frozenset({"time.freq"}), why=DRIFTING),
    Case("annual/TREFHT.B06.66.atm.1890-1999ANN.nc", frozenset({"time.freq"}), why=DRIFTING),
    Case("cmip6/ta_day_BCC-ESM1_historical_r1i1p1f1_gn_19900101-20091231.nc"),
    Case("cmip6/ta_day_MIROC6_historical_r1i1p1f1_gn_20020101-20021231.nc", frozenset({"sentinel", "bounds"})),
    Case("cmip6/tas_day_CESM2-WACCM_historical_r1i1p1f1_gn_20000101-20091231.nc"),
    Case("cmip6/tas_day_CMCC-CM2-SR5_dcppA-hindcast_s1960-r1i1p1f1_gn_19601101-19701231.nc"),
    Case("cmip6/tasmax_day_MPI-ESM1-2-LR_dcppA-hindcast_s1980-r1i1p1f1_gn_19801101-19901231.nc"),
    Case("cmip6/tasmin_day_HadGEM3-GC31-MM_dcppA-hindcast_s1960-r2i1p1f2_gn_19610101-19611230.nc"),
    Case("grib/O32_global.grib2"),
    Case(
        "grib/all_missing_vals.grib",
        frozenset({"time.missing_declared"}),
        frozenset({"field.all_nan"}),
        why="every value is missing, and below-ground masks allow for NaN at 500 hPa",
    ),
    Case("grib/alternate-scanning.grib"),
    Case("grib/ens_50.grib"),
    Case("grib/era5-levels-members.grib"),
    Case("grib/gfs.t12z.pgrbf120.2p5deg.grib2"),
    Case("grib/healpix_H8.grib2"),
    Case(
        "grib/hpa_and_pa.grib",
        frozenset({"nan.none"}),
        frozenset({"field.all_nan", "units.levels"}),
        why="levels in hPa and Pa side by side; one message has no value at all",
    ),
    Case(
        "grib/lambert_grid.grib",
        frozenset({"bounds", "units.magnitude"}),
        why="net radiation down to -8e6 is declared as W m-2: it is J m-2 accumulated over 18 h (-125 W m-2)",
    ),
    Case("grib/ml_data.grib"),
    Case("grib/regular_gg_pl.grib"),
    Case("grib/regular_gg_sfc.grib"),
    Case("grib/regular_gg_wrong_increment.grib", frozenset({"grid.problem"}), why="the headers do not fit the points"),
    Case("grib/soil-surface-level-mix.grib"),
    Case("grib/t_n48.grib"),
    Case("grib/t_time_series.grib"),
    Case(
        "grib/t_with_missing.grib",
        warnings=frozenset({"nn.repeat"}),
        info=frozenset({"nan.masked"}),
        why="part of the field is missing by bitmap; packed in 6 bits, of which nine different values are left",
    ),
    Case("grib/test4.grib"),
    Case("iberia/CORDEX_Iberia_tas.nc", CELSIUS_WINTERS),
    Case("iberia/CORDEX_Iberia_tas.rcp85.nc", CELSIUS_WINTERS),
    Case("iberia/NCEP_Iberia_hus850.nc", WINTERS),
    Case("iberia/NCEP_Iberia_pr.nc", WINTERS),
    Case("iberia/NCEP_Iberia_psl.nc", WINTERS),
    Case("iberia/NCEP_Iberia_ta850.nc", WINTERS),
    Case("iberia/NCEP_Iberia_tas.nc", CELSIUS_WINTERS),
    Case("monthly/sst.mnmean.nc"),
    Case("monthly/ts.nc", frozenset({"time.decodable"})),
    Case("reanalysis/ERA5_example_data.nc"),
    Case("reanalysis/era5-2mt-2019-03-uk.grib"),
    Case("reanalysis/era5_tl31_19590102T00.nc"),
    Case("reanalysis/eraint_uvz.nc"),
]
IRIS = [
    Case("A1B_north_america.nc"),
    Case("E1_north_america.nc"),
    Case("NEMO/nemo_1m_20150101-20150201_grid-T.nc"),
    Case("NEMO/nemo_1m_20150201-20150301_grid-T.nc"),
    Case("NEMO/nemo_1m_20150301-20150401_grid-T.nc"),
    Case("SOI_Darwin.nc", warnings=frozenset({"field.all_nan"}), why="an index: its last twelve months are missing"),
    Case("atlantic_profiles.nc"),
    Case("hybrid_height.nc"),
    Case("mesh_C4_synthetic_float.nc"),
    Case("orca2_votemper.nc", warnings=frozenset({"grid.duplicate_cells"}), why="ORCA grids overlap at the seam"),
    Case("ostia_monthly.nc"),
    Case("rotated_pole.nc"),
    Case(
        "space_weather.nc",
        frozenset({"grid.coordinates"}),
        why="its longitude array was never written: 9.97e36 throughout, and in places of latitude",
    ),
    Case("toa_brightness_stereographic.nc"),
    Case("vlstr_type.nc", warnings=frozenset({"const.time"}), why="its only variable is 1 at all times"),
    Case("polar_stereo.grib2"),
]


def check(path: Path, case: Case) -> None:
    verdict = dqwatch.audit(path)
    failed = [f for f in verdict.results if f.status in ("fail", "no_data", "error")]
    critical = {f.rule for f in failed if f.severity == "critical"}
    warnings = {f.rule for f in failed if f.severity == "warning"}
    assert critical == case.critical, [f for f in failed if f.severity == "critical"]
    assert warnings <= case.warnings, [f for f in failed if f.severity == "warning" and f.rule not in case.warnings]
    assert case.info <= {f.rule for f in failed}
    assert verdict.exit_code == (1 if critical else 0)
    assert verdict.summary["rules"] > 10


@pytest.mark.parametrize("case", SHARED, ids=lambda case: case.file)
def test_shared_file(case: Case) -> None:
    check(real_data() / case.file, case)


@pytest.mark.parametrize("case", IRIS, ids=lambda case: case.file)
def test_iris_file(case: Case) -> None:
    check(Path(iris_sample_data.path) / case.file, case)


def test_a_file_without_a_sound_message_is_refused() -> None:
    with pytest.raises(SourceError, match="GRIB message 1, after byte 0, cannot be decoded"):
        dqwatch.audit(real_data(REFUSED))


def test_every_file_stands_in_the_table() -> None:
    folder = real_data()
    files = {str(p.relative_to(folder)) for p in folder.rglob("*") if p.suffix in (".nc", ".grib", ".grib2")}
    assert files == {c.file for c in SHARED} | {REFUSED}
    iris = Path(iris_sample_data.path)
    assert {str(p.relative_to(iris)) for p in iris.rglob("*") if p.suffix in (".nc", ".grib2")} == {
        c.file for c in IRIS
    }
