"""Constants of dry and moist air, and the humidity at saturation.

Saturation vapour pressure as in the IFS documentation (Part IV, Physical processes): after Buck (1981) over water and
the AERKi form of Alduchov and Eskridge (1996) over ice.
"""

from __future__ import annotations

import numpy as np

GRAVITY = 9.80665
"""m s-2; of geopotential height."""
GAS = 287.0597
"""Gas constant of dry air, J kg-1 K-1 (IFS documentation)."""
KAPPA = GAS / 1004.709
"""Gas constant over heat capacity of dry air."""
EPSILON = GAS / 461.5250
"""Gas constant of dry air over that of vapour."""


def pressure_over_water(temperature: np.ndarray) -> np.ndarray:
    """Saturation vapour pressure over water [Pa] at a temperature [K]."""
    return 611.21 * np.exp(17.502 * (temperature - 273.16) / (temperature - 32.19))


def pressure_over_ice(temperature: np.ndarray) -> np.ndarray:
    """Saturation vapour pressure over ice [Pa] at a temperature [K]."""
    return 611.21 * np.exp(22.587 * (temperature - 273.16) / (temperature + 0.7))


def vapour_pressure(humidity: np.ndarray, pressure: np.ndarray | float) -> np.ndarray:
    """Partial pressure of vapour [Pa] from specific humidity [kg kg-1] and pressure [Pa]."""
    return humidity * pressure / (EPSILON + (1 - EPSILON) * humidity)


def virtual_temperature(temperature: np.ndarray, humidity: np.ndarray | float) -> np.ndarray:
    """Temperature [K] of dry air as light as moist air with this specific humidity [kg kg-1]."""
    return temperature * (1 + (1 / EPSILON - 1) * humidity)


def most_humid(temperature: np.ndarray, pressure: float) -> np.ndarray:
    """Upper bound of specific humidity [kg kg-1] where only temperature [K] and pressure [Pa] are known.

    Saturation over water, and at most 0.05 at 1000 hPa, less above as the square of pressure: hot thin air is dry.
    """
    vapour = np.minimum(pressure_over_water(temperature), 0.5 * pressure)
    saturated = EPSILON * vapour / (pressure - (1 - EPSILON) * vapour)
    return np.minimum(saturated, 0.05 * (pressure / 1e5) ** 2)
