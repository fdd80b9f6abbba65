"""Makers of small Zarr stores, for zarr 2 and 3 alike."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numcodecs
import numpy as np
import pytest
import zarr

from dqwatch.sources.zarr_store import ZarrArray, open_arrays, open_group

OLD_ZARR = zarr.__version__.startswith("2.")
FORMATS = (2,) if OLD_ZARR else (2, 3)
STATISTICS: dict[str, Callable[..., Any]] = {
    "mean": np.nanmean,
    "stdev": np.nanstd,
    "minimum": np.nanmin,
    "maximum": np.nanmax,
}


def make_group(path: Path | str, zarr_format: int = 2) -> Any:
    """An empty group."""
    options = {} if OLD_ZARR else {"zarr_format": zarr_format}
    return zarr.open_group(str(path), mode="w", **options)


def make_array(
    group: Any,
    name: str,
    values: np.ndarray,
    chunks: Sequence[int],
    *,
    dims: Sequence[str] | None = None,
    attrs: Mapping[str, Any] | None = None,
    compressor: Any = "default",
    separator: str | None = None,
    fill_value: Any = None,
    **options: Any,
) -> Any:
    """An array of a group with these values; `compressor` None is none, `options` are those of the zarr installed."""
    given = {"dims": dims, "compressor": compressor, "separator": separator, "fill_value": fill_value, **options}
    array = make_empty_array(group, name, values.shape, chunks, values.dtype, **given)
    if values.size:
        array[...] = values
    if attrs:
        array.attrs.update(dict(attrs))
    return array


def make_empty_array(
    group: Any,
    name: str,
    shape: Sequence[int],
    chunks: Sequence[int],
    dtype: Any,
    *,
    dims: Sequence[str] | None = None,
    compressor: Any = "default",
    separator: str | None = None,
    fill_value: Any = None,
    **options: Any,
) -> Any:
    """An array of a group without any chunk."""
    given: dict[str, Any] = {"shape": tuple(shape), "chunks": tuple(chunks), "dtype": dtype, **options}
    given["fill_value"] = fill_value
    in_format_3 = not OLD_ZARR and group.metadata.zarr_format == 3
    with warnings.catch_warnings():
        # Format 3 has no final specification of datetime64, nor of the codecs of numcodecs.
        warnings.filterwarnings(
            "ignore", message=".*(Zarr V3 specification|Zarr format 3 specification|not in the Zarr version 3)"
        )
        if OLD_ZARR:
            if compressor != "default":
                given["compressor"] = compressor
            array = group.create_dataset(name, **given, dimension_separator=separator or ".")
        else:
            if compressor != "default":
                given["compressors"] = compressor
            if separator:
                given["chunk_key_encoding"] = {"name": "default" if in_format_3 else "v2", "separator": separator}
            if in_format_3 and dims:
                given["dimension_names"] = tuple(dims)
            array = group.create_array(name, **given)
    if dims and not in_format_3:
        array.attrs["_ARRAY_DIMENSIONS"] = list(dims)
    return array


def latitudes_of(cells: int) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates of a small octahedral grid where there is one of so many cells, else of a spiral."""
    number = round(((81 + cells) ** 0.5 - 9) / 2)
    if 4 * number * (number + 9) == cells:
        rows = np.degrees(np.arcsin(np.polynomial.legendre.leggauss(2 * number)[0][::-1]))
        half = [20 + 4 * i for i in range(number)]
        lengths = [*half, *half[::-1]]
        return np.repeat(rows, lengths), np.concatenate([np.arange(n) * 360 / n for n in lengths])
    i = np.arange(cells) + 0.5
    return np.degrees(np.arcsin(1 - 2 * i / cells)), np.degrees(np.pi * (1 + 5**0.5) * i) % 360


def make_anemoi(
    path: Path | str,
    values: np.ndarray,
    variables: Sequence[str],
    *,
    start: str = "2020-01-01T00",
    hours: int = 6,
    chunks: Sequence[int] | None = None,
    zarr_format: int = 2,
    dates: np.ndarray | None = None,
    coordinates: tuple[np.ndarray, np.ndarray] | None = None,
    attrs: Mapping[str, Any] | None = None,
    data_options: Mapping[str, Any] | None = None,
) -> Any:
    """A gridded anemoi store of `values` (time, variable, ensemble, cell); None in `attrs` removes one."""
    group = make_group(path, zarr_format)
    n_dates, n_variables, _, cells = values.shape
    if dates is None:
        dates = np.datetime64(start, "s") + np.arange(n_dates) * np.timedelta64(hours, "h")
    latitudes, longitudes = coordinates or latitudes_of(cells)
    chosen = chunks or (1, n_variables, 1, cells)
    dims = ("time", "variable", "ensemble", "cell")
    make_array(group, "data", values, chosen, dims=dims, **{"fill_value": np.nan, **(data_options or {})})
    nat = np.datetime64("NaT", "s")
    make_array(group, "dates", dates.astype("M8[s]"), dates.shape, dims=("time",), fill_value=nat)
    make_array(group, "latitudes", latitudes, latitudes.shape, dims=("cell",), fill_value=np.nan)
    make_array(group, "longitudes", longitudes, longitudes.shape, dims=("cell",), fill_value=np.nan)
    for name, statistic in STATISTICS.items():
        of_all = statistic(values.astype(np.float64), axis=(0, 2, 3))
        make_array(group, name, of_all, of_all.shape, dims=("variable",), fill_value=np.nan)
    given: dict[str, Any] = {
        "layout": "gridded",
        "variables": list(variables),
        "variables_metadata": {},
        "dimensions": ["dates", "variables", "ensembles", "values"],
        "resolution": "o4",
        "field_shape": [cells],
        "frequency": f"{hours}h",
        "start_date": str(dates[0].astype("M8[s]")),
        "end_date": str(dates[-1].astype("M8[s]")),
        "missing_dates": [],
        "statistics_start_date": str(dates[0].astype("M8[s]")),
        "statistics_end_date": str(dates[-1].astype("M8[s]")),
        "uuid": "8f6d2c9e-0000-4000-8000-000000000001",
        **(attrs or {}),
    }
    group.attrs.update({key: value for key, value in given.items() if value is not None})
    return group


CODECS_2: dict[str, Any] = {
    "none": None,
    "blosc lz4 shuffle": numcodecs.Blosc("lz4", 5, 1),
    "blosc lz4 bitshuffle": numcodecs.Blosc("lz4", 5, 2),
    "blosc lz4 noshuffle": numcodecs.Blosc("lz4", 5, 0),
    "blosc zstd": numcodecs.Blosc("zstd", 3, 1),
    "blosc zlib": numcodecs.Blosc("zlib", 1, 1),
    "blosc blosclz": numcodecs.Blosc("blosclz", 9, 1),
    "blosc stored": numcodecs.Blosc("lz4", 0, 0),
    "zstd": numcodecs.Zstd(3),
    "zlib": numcodecs.Zlib(1),
    "gzip": numcodecs.GZip(1),
    "lz4": numcodecs.LZ4(),
}


def codecs_3() -> dict[str, Any]:
    """Compressors of format 3 that are read directly."""
    from zarr.codecs import BloscCodec, GzipCodec, ZstdCodec
    from zarr.codecs.numcodecs import LZ4, Zlib

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Numcodecs codecs are not in the Zarr version 3")
        foreign = {"numcodecs lz4": LZ4(), "numcodecs zlib": Zlib()}
    return foreign | {
        "none": None,
        "blosc lz4 shuffle": BloscCodec(cname="lz4", clevel=5, shuffle="shuffle"),
        "blosc zstd bitshuffle": BloscCodec(cname="zstd", clevel=3, shuffle="bitshuffle"),
        "zstd": ZstdCodec(level=0),
        "zstd checksum": ZstdCodec(level=3, checksum=True),
        "gzip": GzipCodec(level=1),
    }


DIRECT = [(2, name, codec) for name, codec in CODECS_2.items()]


if not OLD_ZARR:
    DIRECT += [(3, name, codec) for name, codec in codecs_3().items()]


CASES = pytest.mark.parametrize(
    ("zarr_format", "codec"), [(f, c) for f, _, c in DIRECT], ids=[f"{f} {n}" for f, n, _ in DIRECT]
)


def weather(*shape: int, dtype: Any = np.float32) -> np.ndarray:
    """Numbers that compress a little, with NaN, infinities and -0.0 among them."""
    rng = np.random.default_rng(7)
    values = np.round(280 + np.cumsum(rng.normal(size=shape), axis=-1), 2).astype(dtype)
    if values.dtype.kind == "f":
        values.flat[:: max(1, values.size // 7)] = np.nan
        values.flat[1 :: max(1, values.size // 5)] = -0.0
        values.flat[2 :: max(1, values.size // 3)] = np.inf
    return values


def open_one(path: Path, name: str = "x") -> ZarrArray:
    group = open_group(path)
    assert group is not None
    return open_arrays(group)[name]


def chunk_files(path: Path, name: str = "x") -> list[Path]:
    return sorted(
        p for p in (path / name).rglob("*") if p.is_file() and p.name not in {".zarray", ".zattrs", "zarr.json"}
    )


def same_bits(got: np.ndarray, expected: np.ndarray) -> None:
    assert got.shape == expected.shape
    assert got.dtype == expected.dtype.newbyteorder("=")
    assert got.tobytes() == expected.astype(got.dtype).tobytes()
