"""Published events: every version ever published is still readable, also next to newer versions."""

from pathlib import Path

import pytest

from chassis.core.events import matches
from local.generated import ROOT
from tests.support.events import example_of, kept_types
from tests.support.service import ServiceUnderTest

pytestmark = pytest.mark.generated

FILES = "python -m tests.support.release writes it: tests/data/releases/README.md"


def readers(service: ServiceUnderTest, type: str) -> set[str]:
    return {one.feature for one in service.service.handlers if matches(one.event.event_type, type)}


async def who_applied(service: ServiceUnderTest) -> set[str]:
    rows = await service.rows("select distinct feature from chassis.inbox where tenant_id = $1", service.tenant.id)
    return {row["feature"] for row in rows}


@pytest.mark.parametrize("type", sorted(file.stem for file in Path(ROOT / "contracts" / "events").glob("*.json")))
def test_every_event_has_an_example_that_was_really_published(type: str) -> None:
    assert type in kept_types(), FILES


async def test_every_event_that_was_ever_published_is_read(service: ServiceUnderTest) -> None:
    for type in kept_types():
        await service.deliver(example_of(type, service.tenant))
        assert await service.dead_letters() == [], type
        assert readers(service, type) <= await who_applied(service), type


async def test_what_a_newer_publisher_adds_is_passed_over(service: ServiceUnderTest) -> None:
    """During a rolling upgrade a new process publishes fields and types that an old process does not define."""
    for type in kept_types():
        fact = example_of(type, service.tenant)
        unheard = {"added_later": {"of": ["any", 1, "form"]}}
        added = fact | {"data": fact["data"] | unheard}
        of_a_new_type = fact | {"type": type.replace(".v1", ".v9"), "data": unheard}
        await service.deliver(of_a_new_type, added, of_a_new_type)
        assert await service.dead_letters() == [], type
        assert readers(service, type) <= await who_applied(service), type
