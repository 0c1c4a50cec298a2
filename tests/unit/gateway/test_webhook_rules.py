"""Webhooks: signatures, the retry schedule, the rests of endpoints, custom headers, encryption, records, samples."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from standardwebhooks.webhooks import Webhook

from chassis.types import json
from gateway import contracts
from gateway.events.rules.custom_headers import reject_header
from gateway.events.rules.encryption import CannotDecrypt, Encryption
from gateway.events.rules.records import KINDS, address_of, kind_of, scopes_for, with_record
from gateway.events.rules.retries import (
    HEALTHY,
    RETRY_SECONDS,
    Health,
    is_success,
    parse_retry_after,
    retry_pause,
)
from gateway.events.rules.samples import sample
from gateway.events.rules.signatures import new_secret, secret_bytes, signatures

NOW = datetime(2026, 3, 1, 10, tzinfo=UTC)
CONTRACTS = Path(__file__).parents[3] / "contracts"
SECOND, MINUTE, HOUR = 1, 60, 3_600


# Signatures


def test_the_signature_is_that_of_the_standards_own_example() -> None:
    key = secret_bytes("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    signed = signatures([key], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@given(body=st.binary(max_size=200), id=st.uuids())
def test_every_body_is_verified_by_the_public_library(body: bytes, id: object) -> None:
    secret, now = new_secret(), int(datetime.now(UTC).timestamp())
    headers = {
        "webhook-id": str(id),
        "webhook-timestamp": str(now),
        "webhook-signature": signatures([secret_bytes(new_secret()), secret_bytes(secret)], str(id), now, body),
    }
    try:
        Webhook(secret).verify(body, headers)
    except ValueError:  # the library parses what it has verified
        assert not _is_json(body)


def _is_json(body: bytes) -> bool:
    try:
        json.loads(body)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize(
    "text", ["", "whsec_", "secret", "whsec_dG9vIHNob3J0", "whsec_" + "A" * 100, "whsec_?" + "A" * 40]
)
def test_a_secret_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="a secret"):
        secret_bytes(text)


# Retries


def test_retries_follow_the_schedule() -> None:
    hours = [2, 5, 10, 14, 20, 24]
    pauses = [retry_pause(failures, 0) for failures in range(1, 11)]
    assert pauses == [5 * SECOND, 5 * MINUTE, 30 * MINUTE, *(hour * HOUR for hour in hours), None]


@pytest.mark.parametrize("failures", range(1, 10))
def test_jitter_makes_a_pause_up_to_a_tenth_longer(failures: int) -> None:
    assert retry_pause(failures, 1) == pytest.approx(RETRY_SECONDS[failures - 1] * 1.1)


@pytest.mark.parametrize(
    ("asked", "pause"),
    [(None, 5.0), (1.0, 5.0), (90.0, 90.0), (10.0 * 24 * HOUR, 24.0 * HOUR)],
    ids=["nothing", "less than the schedule", "more", "more than a day"],
)
def test_retry_after_is_honoured_up_to_a_day(asked: float | None, pause: float) -> None:
    assert retry_pause(1, 0, asked) == pause


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("120", 120.0),
        (" 7 ", 7.0),
        ("Sun, 01 Mar 2026 10:01:00 GMT", 60.0),
        ("Sun, 01 Mar 2026 09:00:00 GMT", 0.0),
        ("soon", None),
        ("-5", None),
        ("1" * 400, 111_111_111.0),
        ("", None),
    ],
)
def test_retry_after_has_seconds_or_a_date(header: str | None, seconds: float | None) -> None:
    assert parse_retry_after(header, NOW) == seconds


@pytest.mark.parametrize(
    ("status", "success"), [(200, True), (204, True), (299, True), (301, False), (400, False), (None, False)]
)
def test_only_2xx_acknowledges(status: int | None, success: bool) -> None:
    assert is_success(status) is success


# The rests of an endpoint


def failed(times: int, health: Health = HEALTHY, at: datetime = NOW) -> Health:
    for _ in range(times):
        health = health.after_failure(at)
    return health


def test_an_endpoint_rests_after_five_failures_in_a_row_for_longer_and_longer() -> None:
    assert failed(4).paused_until is None
    assert failed(4).is_trusted
    health, rests = failed(5), []
    for _ in range(6):
        assert health.paused_until is not None
        assert not health.is_trusted
        rests.append((health.paused_until - (health.last_failure_at or NOW)).total_seconds())
        health = health.after_failure(health.paused_until)
    assert rests == [5, 10, 20, 40, 60, 60]


def test_attempts_that_end_during_a_rest_make_it_neither_longer_nor_shorter() -> None:
    resting = failed(5)
    assert failed(8).paused_until == resting.paused_until
    assert resting.after_success(NOW).paused_until == resting.paused_until
    assert resting.after_success(NOW).failing_since is None
    assert resting.after_success(NOW + timedelta(minutes=1)) == HEALTHY


def test_an_endpoint_that_asks_for_a_pause_gets_it_up_to_an_hour() -> None:
    assert HEALTHY.after_failure(NOW, 90).paused_until == NOW + timedelta(seconds=90)
    assert HEALTHY.after_failure(NOW, 10 * HOUR).paused_until == NOW + timedelta(hours=1)


def test_an_endpoint_has_failed_for_too_long_after_five_days_without_success() -> None:
    health = HEALTHY
    for hour in range(0, 119, 17):
        health = health.after_failure(NOW + timedelta(hours=hour))
        assert not health.has_failed_for_too_long(NOW + timedelta(hours=hour))
    health = health.after_failure(NOW + timedelta(hours=120))
    assert health.has_failed_for_too_long(NOW + timedelta(hours=120))


def test_a_failure_long_after_another_is_a_new_one() -> None:
    health = failed(1).after_failure(NOW + timedelta(days=30))
    assert health.failing_since == NOW + timedelta(days=30)


# Headers, secrets, records, samples


@pytest.mark.parametrize(
    ("name", "value", "accepted"),
    [
        ("Authorization", "Bearer abc", True),
        ("X-Team", "crm é", False),
        ("X-Team", "a\r\nHost: b", False),
        ("X-Team", "", False),
        ("Webhook-Signature", "v1,forged", False),
        ("content-length", "1", False),
        ("Transfer-Encoding", "chunked", False),
        ("X Team", "a", False),
        ("X-Team\n", "a", False),
        ("X-Team", "a\n", False),
        ("Host", "inside", False),
    ],
)
def test_custom_headers_forge_none_of_ours(name: str, value: str, accepted: bool) -> None:
    assert (reject_header(name, value) is None) is accepted


@given(st.text(max_size=50))
def test_an_encrypted_text_is_opened_by_its_key_and_record_only(text: str) -> None:
    first, second = Encryption(["one" * 10]), Encryption(["two" * 10, "one" * 10])
    encrypted = first.encrypt(text, "record")
    assert text not in encrypted or len(text) < 8
    assert first.decrypt(encrypted, "record") == second.decrypt(encrypted, "record") == text
    assert first.encrypt(text, "record") != encrypted
    for encryption, record in ((first, "other"), (Encryption(["two" * 10]), "record")):
        with pytest.raises(CannotDecrypt):
            encryption.decrypt(encrypted, record)


@pytest.mark.parametrize("type", contracts.event_types(CONTRACTS))
def test_every_event_has_a_record_that_can_be_read_and_a_sample_that_is_valid(type: str) -> None:
    schema = contracts.event_schema(CONTRACTS, type)
    data = sample(schema)
    Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER).validate(data)
    kind = kind_of(type)
    if kind is None:
        assert type.startswith("gateway.") or ".erasure_completed." in type, (
            f"{type}: add the record to gateway/events/rules/records.py"
        )
        return
    assert kind.field in schema["required"]
    read = contracts.openapi(CONTRACTS)["paths"][f"{kind.path}/{{id}}"]["get"]
    assert read["x-scope"] == kind.scope
    address = address_of(type, json.dumps_str(data))
    assert address is not None
    assert address.path == f"{kind.path}/{data[kind.field]}"


def test_scopes_for_records_are_those_of_their_types() -> None:
    assert scopes_for(["loyalty.points_earned.v1", "gateway.tenant_changed.v1"]) == {"loyalty:read"}
    assert scopes_for(kind.types + "x" for kind in KINDS) == {"customers:read", "interactions:read", "loyalty:read"}


@pytest.mark.parametrize(
    ("data", "record", "expected"),
    [
        ('{"a":1.10}', '{"b":2.50}', '{"a":1.10,"record":{"b":2.50}}'),
        ("{}", None, '{"record":null}'),
        ('{ "a" : 1 }\n', "{}", '{ "a" : 1,"record":{}}'),
    ],
)
def test_a_record_is_added_without_changing_a_digit(data: str, record: str | None, expected: str) -> None:
    assert with_record(data, record) == expected


def test_an_event_whose_record_is_not_named_has_none() -> None:
    assert address_of("interactions.touch_point_recorded.v1", '{"touch_point_id": null}') is None
    assert address_of("gateway.tenant_changed.v1", "{}") is None
