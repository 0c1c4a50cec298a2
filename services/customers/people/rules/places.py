"""Places: the boxes of an index that contain every point within a distance, and the distance itself.

The index orders points by bands of latitude, and within a band by longitude.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

EARTH_RADIUS_KM = 6371.0088
"""The mean radius of the earth (IUGG). With it, great-circle distances are within 0.6 % of geodesic ones."""
MAX_DISTANCE_KM = 20_016.0
"""Half of the earth's circumference, rounded up."""
BANDS_PER_DEGREE = 10
_MARGIN_DEGREES = 1e-6
"""Boxes are larger than needed by a tenth of a metre, so that rounding excludes no point."""


@dataclass(frozen=True, slots=True)
class Box:
    """The points of a band between two longitudes."""

    band: int
    west: float
    east: float


@dataclass(frozen=True, slots=True)
class Point:
    """A place on earth, in degrees."""

    latitude: float
    longitude: float

    @property
    def band(self) -> int:
        """The number of its band of latitude."""
        return band_of(self.latitude)


def band_of(latitude: float) -> int:
    """Return the number of the band of latitude: 0 begins at the equator."""
    return math.floor(latitude * BANDS_PER_DEGREE)


def points_of(addresses: Iterable[Mapping[str, Any]]) -> list[Point]:
    """Return the different places of addresses that have coordinates."""
    pairs = ((address.get("latitude"), address.get("longitude")) for address in addresses)
    return list(
        dict.fromkeys(Point(float(one), float(two)) for one, two in pairs if one is not None and two is not None)
    )


def boxes_around(center: Point, km: float) -> list[Box]:
    """Return boxes that contain every point within a distance, also across the poles and the date line."""
    angle = math.degrees(min(km / EARTH_RADIUS_KM, math.pi)) + _MARGIN_DEGREES
    south, north = center.latitude - angle, center.latitude + angle
    bands = range(band_of(max(south, -90.0)), band_of(min(north, 90.0)) + 1)
    ranges = list(_longitudes(center, angle))
    return [Box(band, west, east) for band in bands for west, east in ranges]


def _longitudes(center: Point, angle: float) -> Iterator[tuple[float, float]]:
    if abs(center.latitude) + angle >= 90.0:  # a pole is within the distance, so every longitude is
        yield -180.0, 180.0
        return
    sine = math.sin(math.radians(angle)) / math.cos(math.radians(center.latitude))
    width = math.degrees(math.asin(min(1.0, sine))) + _MARGIN_DEGREES
    west, east = center.longitude - width, center.longitude + width
    yield max(west, -180.0), min(east, 180.0)
    if west < -180.0:
        yield west + 360.0, 180.0
    if east > 180.0:
        yield -180.0, east - 360.0


def distance_km(one: Point, other: Point) -> float:
    """Return the great-circle distance of two points by the haversine formula (R. W. Sinnott, 1984)."""
    latitudes = math.radians(one.latitude), math.radians(other.latitude)
    half_height = math.sin((latitudes[1] - latitudes[0]) / 2)
    half_width = math.sin(math.radians(other.longitude - one.longitude) / 2)
    chord = half_height**2 + math.cos(latitudes[0]) * math.cos(latitudes[1]) * half_width**2
    return 2 * EARTH_RADIUS_KM * math.asin(math.sqrt(min(1.0, chord)))
