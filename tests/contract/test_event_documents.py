"""Documents about events: the examples on the page and in AsyncAPI are valid, and nothing refers to other files."""

import json
import re
import shutil
import subprocess
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary_event
from cloudevents.core.formats.json import JSONFormat
from jsonschema import Draft202012Validator

from chassis.cli.contracts import Files
from chassis.cli.event_documents import event_schema
from chassis.core.events import Event
from chassis.http.openapi_events import ATTRIBUTES
from local import generated

generated.services()  # importing a service registers its events

ROOT = Path(__file__).parent.parent.parent
EXAMPLES = [json.loads(text) for text in re.findall(r"```json\n(.*?)```", (ROOT / "docs/events.md").read_text(), re.S)]
PARSER = "@asyncapi/parser@3.6.6"
PARSE = """
const { Parser } = require("@asyncapi/parser");
const text = require("fs").readFileSync(0, "utf8");
new Parser().parse(text).then(({ document, diagnostics }) => {
  const errors = diagnostics.filter((each) => each.severity === 0);
  console.log(JSON.stringify({ valid: document !== undefined, errors: errors.map((each) => each.message) }));
});
"""


@pytest.fixture
def asyncapi(files: Files) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(files["asyncapi.json"])
    return document


def schema_of(type: str) -> dict[str, Any]:
    return dict(json.loads((ROOT / "contracts" / "events" / f"{type}.json").read_text()))


def invalid(schema: dict[str, Any], value: Any) -> list[str]:
    validator = Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)
    return [error.message for error in validator.iter_errors(value)]


def messages_of(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [message for channel in document["channels"].values() for message in channel["messages"].values()]


def resolved(document: dict[str, Any], reference: str) -> Any:
    """Return the part of a document that a reference means. Raises KeyError."""
    assert reference.startswith("#/"), f"{reference} leaves the document"
    part: Any = document
    for name in reference[2:].split("/"):
        part = part[name]
    return part


def test_the_page_has_an_example_of_every_event() -> None:
    assert [example["type"] for example in EXAMPLES] == sorted(Event.published)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: str(example["type"]))
def test_an_example_on_the_page_is_an_event_that_readers_accept(example: dict[str, Any]) -> None:
    event = JSONFormat().read(None, json.dumps(example))
    assert invalid(schema_of(event.get_type()), event.get_data()) == []
    assert example.keys() == {*ATTRIBUTES, "data"}
    assert event.get_subject() in example["data"].values()
    assert isinstance(event.get_time(), datetime)


def test_a_wrong_example_is_found() -> None:
    (example,) = (each for each in EXAMPLES if each["type"] == "loyalty.points_redeemed.v1")
    assert invalid(schema_of(example["type"]), example["data"] | {"points": "120", "occurred_at": "yesterday"}) != []
    assert invalid(schema_of(example["type"]), example["data"] | {"balance": {}}) != []


@pytest.mark.parametrize("type", sorted(Event.published))
def test_a_reader_that_validates_accepts_the_fields_of_later_versions(type: str) -> None:
    schema = event_schema(Event.published[type])
    assert invalid(schema, schema["examples"][0] | {"added_later": 1}) == []


def test_a_field_without_an_example_is_reported() -> None:
    class Unclear(Event, type="testing.unclear.v1", partition_key="colour"):
        colour: str

    try:
        with pytest.raises(LookupError, match="colour needs an example"):
            event_schema(Unclear)
    finally:
        Event.published.pop("testing.unclear.v1")


def test_the_asyncapi_document_refers_to_nothing_outside_itself(asyncapi: dict[str, Any]) -> None:
    references = set(re.findall(r'"\$ref": "([^"]+)"', json.dumps(asyncapi)))
    assert len(references) > 40
    assert all(resolved(asyncapi, reference) for reference in references)


def test_the_examples_of_asyncapi_are_valid(asyncapi: dict[str, Any]) -> None:
    messages = messages_of(asyncapi)
    assert {message["name"] for message in messages} == set(Event.published)
    for message in messages:
        (example,) = message["examples"]
        headers = resolved(asyncapi, message["headers"]["$ref"])
        assert invalid(headers, example["headers"]) == []
        assert invalid(schema_of(message["name"]), example["payload"]) == []
        encoded = {name: value.encode() for name, value in example["headers"].items()}
        event = from_binary_event(KafkaMessage(encoded, None, json.dumps(example["payload"]).encode()), JSONFormat())
        assert (event.get_type(), event.get_data()) == (message["name"], example["payload"])


@pytest.fixture(scope="session")
def parser(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the official parser of AsyncAPI from the registry that npm is configured for."""
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed")
    folder = tmp_path_factory.mktemp("asyncapi")
    install = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(folder)]
    installation = subprocess.run([*install, PARSER], capture_output=True, text=True, check=False, timeout=150)
    if installation.returncode != 0:
        pytest.skip(f"npm cannot install the parser: {installation.stderr.strip()[-200:]}")
    return folder


def parse(parser: Path, document: dict[str, Any]) -> dict[str, Any]:
    text = json.dumps(document)
    run = subprocess.run(
        ["node", "-e", PARSE], input=text, capture_output=True, text=True, check=True, cwd=parser, timeout=60
    )
    return dict(json.loads(run.stdout))


@pytest.mark.slow
def test_the_official_parser_accepts_the_asyncapi_document(parser: Path, asyncapi: dict[str, Any]) -> None:
    assert parse(parser, asyncapi) == {"valid": True, "errors": []}
    messages_of(asyncapi)[0]["payload"] = {"$ref": "./events/elsewhere.json"}
    assert not parse(parser, asyncapi)["valid"]
