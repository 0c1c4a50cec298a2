"""The story of a release: it still fills every table, and publishes every event but that of a deleted tenant."""

from pathlib import Path

import pytest

from local.generated import ROOT
from tests.support import release
from tests.support.events import DELETION

pytestmark = pytest.mark.nightly


async def test_the_next_release_has_rows_in_every_table_and_an_event_of_every_type(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(release, "RELEASES", tmp_path / "releases")
    monkeypatch.setattr(release, "EVENTS", tmp_path / "events")
    monkeypatch.setattr(release, "keep_document", lambda *_: None)
    await release.main("9.9.9")
    published = {file.stem for file in (tmp_path / "events").glob("*.json")}
    assert {file.stem for file in (ROOT / "contracts" / "events").glob("*.json")} - published == {DELETION}
