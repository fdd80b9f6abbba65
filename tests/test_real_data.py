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


class Case(NamedTuple):
    file: str
    critical: frozenset[str] = frozenset()
    warnings: frozenset[str] = frozenset()
    why: str = ""


WINTERS = frozenset({"time.gaps"})

SHARED = [
    Case("annual/TREFHT.B06.57.atm.1890-1999ANN.nc"),
    Case("annual/TREFHT.B06.66.atm.1890-1999ANN.nc"),
    Case("cmip6/ta_day_BCC-ESM1_historical_r1i1p1f1_gn_19900101-20091231.nc"),
    Case("cmip6/ta_day_MIROC6_historical_r1i1p1f1_gn_20020101-20021231.nc", frozenset({"sentinel", "bounds"})),
    Case("cmip6/tas_day_CESM2-WACCM_historical_r1i1p1f1_gn_20000101-20091231.nc"),
    Case("cmip6/tas_day_CMCC-CM2-SR5_dcppA-hindcast_s1960-r1i1p1f1_gn_19601101-19701231.nc"),
    Case("cmip6/tasmax_day_MPI-ESM1-2-LR_dcppA-hindcast_s1980-r1i1p1f1_gn_19801101-19901231.nc"),
    Case("cmip6/tasmin_day_HadGEM3-GC31-MM_dcppA-hindcast_s1960-r2i1p1f2_gn_19610101-19611230.nc"),
    Case("iberia/CORDEX_Iberia_tas.nc", WINTERS),
    Case("iberia/CORDEX_Iberia_tas.rcp85.nc", WINTERS),
    Case("iberia/NCEP_Iberia_hus850.nc", WINTERS),
    Case("iberia/NCEP_Iberia_pr.nc", WINTERS),
    Case("iberia/NCEP_Iberia_psl.nc", WINTERS),
    Case("iberia/NCEP_Iberia_ta850.nc", WINTERS),
    Case("iberia/NCEP_Iberia_tas.nc", WINTERS),
    Case("monthly/sst.mnmean.nc"),
    Case("monthly/ts.nc", frozenset({"time.decodable"})),
    Case("reanalysis/ERA5_example_data.nc"),
    Case("reanalysis/era5_tl31_19590102T00.nc"),
    Case("reanalysis/eraint_uvz.nc"),
]
IRIS = [
    Case("A1B_north_america.nc"),
    Case("E1_north_america.nc"),
    Case("NEMO/nemo_1m_20150101-20150201_grid-T.nc"),
    Case("NEMO/nemo_1m_20150201-20150301_grid-T.nc"),
    Case("NEMO/nemo_1m_20150301-20150401_grid-T.nc"),
    Case("SOI_Darwin.nc"),
    Case("atlantic_profiles.nc"),
    Case("hybrid_height.nc"),
    Case("mesh_C4_synthetic_float.nc"),
    Case("orca2_votemper.nc"),
    Case("ostia_monthly.nc"),
    Case("rotated_pole.nc"),
    Case("space_weather.nc"),
    Case("toa_brightness_stereographic.nc"),
    Case("vlstr_type.nc"),
]


def check(path: Path, case: Case) -> None:
    verdict = dqwatch.audit(path)
    failed = [f for f in verdict.results if f.status in ("fail", "no_data", "error")]
    critical = {f.rule for f in failed if f.severity == "critical"}
    warnings = {f.rule for f in failed if f.severity == "warning"}
    assert critical == case.critical, [f for f in failed if f.severity == "critical"]
    assert warnings <= case.warnings, [f for f in failed if f.severity == "warning" and f.rule not in case.warnings]
    assert verdict.exit_code == (1 if critical else 0)
    assert verdict.summary["rules"] > 10


@pytest.mark.parametrize("case", SHARED, ids=lambda case: case.file)
def test_shared_file(case: Case) -> None:
    check(real_data() / case.file, case)


@pytest.mark.parametrize("case", IRIS, ids=lambda case: case.file)
def test_iris_file(case: Case) -> None:
    check(Path(iris_sample_data.path) / case.file, case)


def test_every_netcdf_file_stands_in_the_table() -> None:
    folder = real_data()
    assert {str(p.relative_to(folder)) for p in folder.rglob("*.nc")} == {c.file for c in SHARED}
    iris = Path(iris_sample_data.path)
    assert {str(p.relative_to(iris)) for p in iris.rglob("*.nc")} == {c.file for c in IRIS}
