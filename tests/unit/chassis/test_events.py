"""The event envelope, compared with the official CloudEvents package."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary_event
from cloudevents.core.formats.json import JSONFormat
from hypothesis import given
from hypothesis import strategies as st

from chassis.core.events import Envelope
from chassis.types.ids import uuid7

ENVELOPES = st.builds(
    Envelope,
    id=st.uuids(),
    type=st.from_regex(r"[a-z]{1,9}\.[a-z_]{1,20}\.v[1-9]", fullmatch=True),
    tenant=st.uuids(),
    subject=st.uuids().map(str) | st.text(min_size=1),
    time=st.datetimes(min_value=datetime(1970, 1, 2), max_value=datetime(2200, 1, 1), timezones=st.just(UTC)),
    actor=st.from_regex(r"key:[0-9a-f]{8}", fullmatch=True) | st.text(),
    sequence=st.integers(0, 2**63 - 1),
    traceparent=st.none() | st.just("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
)

AN_ENVELOPE = Envelope(
    uuid7(), "loyalty.points_earned.v1", uuid7(), str(uuid7()), datetime(2026, 3, 1, tzinfo=UTC), "key:1", 1, None
)


@given(ENVELOPES)
def test_headers_carry_the_whole_envelope(envelope: Envelope) -> None:
    assert Envelope.from_headers(envelope.to_headers()) == envelope


@given(ENVELOPES)
def test_the_official_package_reads_our_headers(envelope: Envelope) -> None:
    message = KafkaMessage(headers=dict(envelope.to_headers()), key=envelope.key, value=b'{"points": 5}')
    event = from_binary_event(message, JSONFormat())
    assert (event.get_id(), event.get_type(), event.get_subject()) == (
        str(envelope.id),
        envelope.type,
        envelope.subject,
    )
    assert event.get_time() == envelope.time
    assert event.get_specversion() == "1.0"
    assert event.get_extension("tenantid") == str(envelope.tenant)
    assert event.get_extension("sequence") == str(envelope.sequence)
    assert event.get_data() == {"points": 5}


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("ce_specversion", b"1.0")],
        [("ce_specversion", b"0.3"), ("ce_id", b"x")],
        [("ce_specversion", b"\xff")],
    ],
)
def test_what_is_no_envelope_raises(headers: list[tuple[str, bytes]]) -> None:
    with pytest.raises((ValueError, KeyError)):
        Envelope.from_headers(headers)


NAMES = st.sampled_from([name for name, _ in Envelope.to_headers(AN_ENVELOPE)]) | st.text(max_size=5)
VALUES = st.sampled_from([value for _, value in Envelope.to_headers(AN_ENVELOPE)]) | st.binary(max_size=40)


@given(st.lists(st.tuples(NAMES, VALUES), max_size=6))
def test_headers_of_whatever_kind_are_an_envelope_or_a_reason_to_park(odd: list[tuple[str, bytes]]) -> None:
    """The invalid headers follow the valid headers and override them."""
    try:
        found = Envelope.from_headers([*AN_ENVELOPE.to_headers(), *odd])
    except (ValueError, KeyError):
        return
    assert Envelope.from_headers(found.to_headers()) == found


def test_ids_rise_with_time() -> None:
    ids = [uuid7() for _ in range(1_000)]
    assert ids == sorted(ids)
    assert all(isinstance(one, UUID) and one.version == 7 for one in ids)
