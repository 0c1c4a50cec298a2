"""Places: the boxes of a distance contain every point within it, also at the poles and across the date line."""

from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from services.customers.people.rules.places import Box, Point, boxes_around, distance_km, points_of

POINTS = st.builds(Point, st.floats(-90, 90), st.floats(-180, 180))


def contains(boxes: list[Box], point: Point) -> bool:
    return any(box.band == point.band and box.west <= point.longitude <= box.east for box in boxes)


@given(POINTS, POINTS)
@example(Point(0, 179.99), Point(0, -179.99))
@example(Point(89.99, 0), Point(89.99, 180))
@example(Point(-90, 17), Point(-89.95, -120))
@example(Point(0, 180), Point(0, -180))
@example(Point(60, 0), Point(60.0001, 179))
def test_a_point_within_the_distance_is_in_a_box(center: Point, point: Point) -> None:
    assert contains(boxes_around(center, distance_km(center, point)), point)


@given(POINTS, st.floats(0, 500))
def test_boxes_are_small(center: Point, km: float) -> None:
    bands = {box.band for box in boxes_around(center, km)}
    assert len(bands) <= 2 * km / 11.1 + 3


def test_distances_are_those_of_great_circles() -> None:
    amsterdam, new_york = Point(52.3676, 4.9041), Point(40.7128, -74.006)
    assert round(distance_km(amsterdam, new_york)) == 5863
    assert round(distance_km(Point(0, 179.5), Point(0, -179.5)), 1) == 111.2
    assert round(distance_km(Point(90, 0), Point(-90, 0))) == 20015


def test_an_address_without_coordinates_has_no_place() -> None:
    addresses: list[dict[str, Any]] = [
        {"city": "Delft"},
        {"latitude": 1, "longitude": 2},
        {"latitude": 1.0, "longitude": 2.0},
    ]
    assert points_of([*addresses, {"latitude": 1.0, "longitude": 2.0}, {"latitude": 1.0}]) == [Point(1.0, 2.0)]
