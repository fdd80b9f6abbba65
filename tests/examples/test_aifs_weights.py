"""The story of AIFS Single 1.0 and 1.1 as the public numbers have it: the weight shows it, the shares do not."""

from __future__ import annotations

import numpy as np
import pytest

from examples import aifs_weights
from examples.aifs_weights import LIMIT, Told, audit, main, read_statistics

SCORED = {"q": 0.6, "t": 6, "u": 0.8, "v": 0.5, "w": 0.001, "z": 12}
SURFACE = {"10u": 0.5, "10v": 0.5, "2d": 0.5, "tp": 0.025, "stl1": 1, "stl2": 10, "2t": 1, "msl": 1}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Told]:
    return audit(tmp_path_factory.mktemp("aifs"))


def median_part(soil: dict[str, float]) -> float:
    """Of weight times level factor, all but the soil normalised by their own deviations: by hand."""
    parts = [weight * max(0.2, 0.001 * level) for weight in SCORED.values()
             for level in (50, 100, 150, 200, 250, 300, 400, 500, 600, 700, 850, 925, 1000)]  # fmt: skip
    return float(np.median([*parts, *SURFACE.values(), *soil.values()]))


def test_soil_moisture_is_pointed_out_in_1_0_and_not_in_1_1(found) -> None:
    for name in ("swvl1", "swvl2"):
        assert found["1.0", name].rules == ("weights.raw", "weights.unnormalised")
        assert found["1.1", name].rules == ()


def test_the_numbers_are_those_of_a_computation_by_hand(found) -> None:
    deviation = {name: read_statistics()[name][1] for name in ("swvl1", "swvl2")}
    for version, weights in (("1.0", {"swvl1": 100, "swvl2": 200}), ("1.1", {"swvl1": 1, "swvl2": 2})):
        parts = {name: weights[name] * deviation[name] ** 2 for name in weights}
        for name, weight in weights.items():
            told = found[version, name]
            assert told.weight == weight
            assert told.raw == pytest.approx(weight / median_part(weights))
            assert told.sd == pytest.approx(parts[name] / median_part(parts), rel=1e-6)


def test_no_share_shows_it(found) -> None:
    assert all(told.sd < LIMIT for told in found.values())
    told = found["1.0", "swvl2"]
    assert told.sd * told.needed**2 == pytest.approx(LIMIT)
    assert told.needed > 2, "soil moisture of the second layer is slower than the air, not twice as fast"


def test_the_script_says_so(found, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aifs_weights, "audit", lambda folder: found)
    assert main() == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "1.1 swvl2 2" in said
    assert "stand out as weights, not as shares of the loss: 200 on swvl2 is 424 times" in said
