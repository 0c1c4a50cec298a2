"""Generated files and documentation: the committed files are current, and the documentation matches the code."""

import re
from pathlib import Path

import pytest

from chassis.core.events import Event
from chassis.core.problems import Problem
from chassis.service import Service
from local import generated

ROOT = Path(__file__).parent.parent.parent
FOLDERS = {"gateway": ROOT / "gateway"}


def test_the_committed_files_are_what_the_code_says() -> None:
    assert generated.stale() == [], "run `make contracts`"


def table(readme: str, title: str) -> list[str]:
    """Return the first column of the table under a heading."""
    found = re.search(rf"\| {title} \|[^\n]*\n\|---\|---\|\n((?:\|.*\n)*)", readme)
    assert found, title
    return [line.split("|")[1].strip().strip("`") for line in found.group(1).splitlines()]


@pytest.mark.parametrize("name", ["customers", "interactions", "loyalty", "analytics", "gateway"])
def test_a_services_readme_says_what_it_owns_publishes_and_reads(services: list[Service], name: str) -> None:
    service = next(one for one in services if one.name == name)
    folder = FOLDERS.get(name, ROOT / "services" / name)
    readme = (folder / "README.md").read_text()
    owned = re.findall(r"`(\w+)`", re.search(r"\| owns \|.*?\n\n", readme, re.S).group())  # type: ignore[union-attr]
    assert set(owned) == set(service.metadata.tables)
    assert set(table(readme, "publishes")) == {type for type in Event.published if type.startswith(f"{name}.")}
    assert set(table(readme, "reads")) == {handler.event.event_type for handler in service.handlers}
    assert table(readme, "promises")


def test_every_page_that_a_page_names_is_there() -> None:
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.relative_to(ROOT)} names {target}"


def test_every_setting_and_event_has_its_sentence(services: list[Service]) -> None:
    for service in services:
        for name, field in service.settings.model_fields.items():
            assert field.description, name
            assert field.description.endswith("."), name
    assert all(event.__doc__ for event in Event.published.values())
    assert all(problem.__doc__ for problem in Problem.known.values())


BUSINESS_WORDS = re.compile(
    r"\b(customers?|purchases?|loyalty|points?|memberships?|touch.?points?|rewards?|campaigns?|baskets?|interactions"
    r"|analytics|orphans?)\b",
    re.I,
)


def test_the_chassis_knows_no_business_word() -> None:
    for file in (ROOT / "chassis").rglob("*.py"):
        code = re.sub(
            r'""".*?"""|#[^\n]*', "", file.read_text(), flags=re.S
        )  # examples in prose may contain such words
        code = code.replace("customer-relationship backend", "")
        if file.name == "persons.py" and file.parent.name == "core":
            continue  # persons are the only business of the chassis
        found = {word.group().lower() for word in BUSINESS_WORDS.finditer(code)}
        assert not found, f"{file.relative_to(ROOT)}: {found}"
