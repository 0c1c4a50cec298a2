"""Redaction: texts and personal objects leave an event, and everything else stays."""

from typing import Any

from pydantic import BaseModel, ConfigDict

from chassis import PERSONAL
from chassis.core.redaction import redact


class Home(BaseModel):
    model_config = ConfigDict(json_schema_extra=PERSONAL)

    latitude: float
    country: str


class Moved(BaseModel):
    version: int
    note: str | None
    home: Home | None


SCHEMA = Moved.model_json_schema(mode="serialization")


def redacted(**data: Any) -> Any:
    return redact(data, SCHEMA)


def test_a_personal_object_leaves_with_its_numbers() -> None:
    whole = redacted(version=2, note="Moved to Ada", home={"latitude": 52.37, "country": "NL"})
    assert whole == {"version": 2, "note": None, "home": None}


def test_null_stays_null() -> None:
    assert redacted(version=2, note=None, home=None) == {"version": 2, "note": None, "home": None}
