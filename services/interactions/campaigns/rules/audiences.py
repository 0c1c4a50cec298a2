"""Recipients: one for each customer of a campaign, with the variant that the customer gets."""

from collections.abc import Sequence
from hashlib import sha256
from math import asin, cos, radians, sin, sqrt
from uuid import UUID, uuid5

from services.interactions.campaigns.rules.campaigns import VariantDocument

EARTH_RADIUS_KM = 6371.0088
"""The mean radius of the earth (IUGG)."""


def recipient_id(campaign: UUID, customer: UUID) -> UUID:
    """Return the id of a customer's recipient row: a campaign has one for each customer, however often it is planned.

    The row moves to another customer in a merge, and keeps its id.
    """
    return uuid5(campaign, customer.hex)


def variant_of(recipient: UUID, variants: Sequence[VariantDocument]) -> str:
    """Return the key of a recipient's variant: always the same, and by the weights over many recipients."""
    number = int.from_bytes(sha256(recipient.bytes).digest()[:8])
    rest = number % sum(variant["weight"] for variant in variants)
    for variant in variants:
        if rest < variant["weight"]:
            return variant["key"]
        rest -= variant["weight"]
    raise ValueError("a campaign has at least one variant")


def distance_km(latitude: float, longitude: float, other_latitude: float, other_longitude: float) -> float:
    """Return the distance of two places on a sphere, by the haversine formula. Its error is 0.5 % at most."""
    south, north = radians(latitude), radians(other_latitude)
    height = sin((north - south) / 2) ** 2
    width = cos(south) * cos(north) * sin(radians(other_longitude - longitude) / 2) ** 2
    return 2 * EARTH_RADIUS_KM * asin(min(1.0, sqrt(height + width)))
