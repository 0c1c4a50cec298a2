"""The verifier of the guide: it agrees with the public library, and refuses what may be forged."""

import re
import time
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError as Refused

from chassis.types import json
from gateway.events.rules.signatures import new_secret, secret_bytes, signatures

PAGE = (Path(__file__).parents[3] / "docs" / "guide" / "webhooks.md").read_text()
BODY = '{"name": "Ren\u00e9e\u2028", "points": 1.10}'.encode()
SECRET = new_secret()


def guide() -> dict[str, Any]:
    """Return the names that the code of the page defines."""
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.S)
    names: dict[str, Any] = {}
    exec(compile(code, "webhooks.md", "exec"), names)
    return names


def signed(body: bytes = BODY, age: int = 0, *secrets: str, id: str = "0190") -> dict[str, str]:
    at = int(time.time()) - age
    keys = [secret_bytes(secret) for secret in secrets or (SECRET,)]
    return {"webhook-id": id, "webhook-timestamp": str(at), "webhook-signature": signatures(keys, id, at, body)}


def is_accepted(headers: dict[str, str], body: bytes = BODY, secret: str = SECRET) -> bool:
    """Return whether a request is accepted, by the page's verifier and by the public library."""
    verdicts = set()
    for verify, refusal in ((guide()["verify"], ValueError), (_by_library, Refused)):
        try:
            verify(secret, headers, body)
            verdicts.add(True)
        except refusal:
            verdicts.add(False)
    (verdict,) = verdicts
    return verdict


def _by_library(secret: str, headers: dict[str, str], body: bytes) -> None:
    Webhook(secret).verify(body, headers)


def test_the_raw_bytes_are_accepted_and_the_same_json_written_again_is_not() -> None:
    assert is_accepted(signed())
    assert not is_accepted(signed(), json.dumps(json.loads(BODY)))


@pytest.mark.parametrize(("age", "accepted"), [(0, True), (290, True), (-290, True), (302, False), (-302, False)])
def test_a_timestamp_more_than_five_minutes_away_is_refused(age: int, accepted: bool) -> None:
    assert is_accepted(signed(BODY, age)) is accepted


@pytest.mark.parametrize("age", [301, -301])
def test_a_timestamp_301_seconds_away_is_refused(age: int, monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: float(int(now)))
    assert not is_accepted_by_the_page(signed(BODY, age))
    assert is_accepted_by_the_page(signed(BODY, age - (1 if age > 0 else -1)))


def is_accepted_by_the_page(headers: dict[str, str]) -> bool:
    try:
        guide()["verify"](SECRET, headers, BODY)
    except ValueError:
        return False
    return True


def test_during_a_rotation_both_secrets_are_accepted() -> None:
    former = new_secret()
    headers = signed(BODY, 0, SECRET, former)
    assert is_accepted(headers)
    assert is_accepted(headers, secret=former)
    assert not is_accepted(headers, secret=new_secret())


@pytest.mark.parametrize("change", ["webhook-id", "webhook-timestamp", "webhook-signature", "body"])
def test_what_was_changed_on_its_way_is_refused(change: str) -> None:
    headers, body = signed(), BODY
    other = {"webhook-id": "0191", "webhook-timestamp": str(int(time.time()) + 1), "webhook-signature": "v1,AAAA v2,B"}
    if change == "body":
        body += b" "
    else:
        headers[change] = other[change]
    assert not is_accepted(headers, body)
