"""The guide: every request on its pages is sent, and every response is compared with the page."""

import asyncio
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from chassis.types import json
from tests.support.stack import RunningStack, Visitor, a_sandbox, a_visitor

GUIDE = Path(__file__).parents[2] / "docs" / "guide"
STEP = re.compile(r"```http\n(.*?)```\s+```json (\d+)\n(.*?)```", re.DOTALL)
HEADER = re.compile(r"([A-Z][\w-]*): (.*)")
PAGES = [
    "customers",
    "permission",
    "custom-fields",
    "sales",
    "lifecycle",
    "transfer",
    "interactions",
    "email-intake",
    "messages",
    "orders",
    "cases",
    "conduct",
    "promises",
    "service-levels",
    "routing",
    "surveys",
    "tasks",
    "campaigns",
    "automations",
    "voice",
    "knowledge",
    "loyalty",
    "analytics",
    "gateway",
    "authentication",
    "events",
    "webhooks",
]
CONVENTIONS = ["errors", "pagination", "idempotency", "limits", "front-ends"]
"""In the order of the guide's README."""
ARRIVES_SECONDS = 15


@dataclass(frozen=True)
class Step:
    """A request and the response that the page shows."""

    line: int
    method: str
    path: str
    headers: dict[str, str]
    body: str
    status: int
    answer_headers: dict[str, str]
    answer: str


def steps(page: str) -> Iterator[Step]:
    """Iterate over a page's requests in order."""
    for found in STEP.finditer(page):
        first, *rest = found[1].rstrip().split("\n")
        method, path = first.split(" ", 1)
        line = page[: found.start()].count("\n") + 1
        yield Step(line, method, path, *parts(rest), int(found[2]), *parts(found[3].split("\n")))


def parts(lines: list[str]) -> tuple[dict[str, str], str]:
    """Return the headers and the body of a request or a response."""
    headers = [found for line in lines if (found := HEADER.fullmatch(line))]
    body = "\n".join(line for line in lines if not HEADER.fullmatch(line))
    return {found[1]: found[2] for found in headers}, body


def filled(text: str, known: dict[str, str]) -> str:
    """Return a text with its placeholders replaced by values of earlier responses."""
    return re.sub(r"\{(\w+)\}", lambda name: known.get(name[1], name[0]), text)


def differs(shown: Any, given: Any, known: dict[str, str], data_dir: str = "") -> str | None:
    """Return where a response differs from the page, or None. A new placeholder takes its value from the response."""
    if shown == "...":
        return None if given is not None else f"{data_dir} is null"
    if isinstance(shown, str) and (name := re.fullmatch(r"\{(\w+)\}", shown)):
        return None if known.setdefault(name[1], given) == given else f"{data_dir} is {given}"
    if isinstance(shown, dict) and isinstance(given, dict):
        parts = ((f"{data_dir}/{key}", value, given.get(key, f"no {key}")) for key, value in shown.items())
    elif isinstance(shown, list) and isinstance(given, list) and len(shown) == len(given):
        parts = ((f"{data_dir}/{index}", *pair) for index, pair in enumerate(zip(shown, given, strict=True)))
    else:
        return None if shown == given else f"{data_dir} is {given!r}, the page shows {shown!r}"
    return next((why for where, one, other in parts if (why := differs(one, other, known, where))), None)


def compare(step: Step, answer: httpx.Response, known: dict[str, str]) -> str | None:
    """Return why a response differs from the page, or None if it matches."""
    if answer.status_code != step.status:
        return f"{answer.status_code} {answer.text}"
    met, why = dict(known), None
    if step.answer.strip():
        why = differs(json.loads(filled(step.answer, known)), answer.json(), met)
    if why is None:
        shown = {name: filled(value, met) for name, value in step.answer_headers.items()}
        why = differs(shown, {name: answer.headers.get(name) for name in shown}, met, "headers")
    if why is None:
        known.update(met)
    return why


async def follow(visitor: Visitor, step: Step, known: dict[str, str]) -> None:
    """Send a request and compare the response. A GET is retried for a while, because events take time to arrive."""
    deadline = time.monotonic() + ARRIVES_SECONDS
    content = filled(step.body, known).encode() or None
    headers = {name: filled(value, known) for name, value in step.headers.items()}
    if content:
        headers.setdefault("Content-Type", "application/json")
    while True:
        answer = await visitor.request(step.method, filled(step.path, known), content=content, headers=headers)
        why = compare(step, answer, known)
        if why is None:
            return
        if step.method != "GET" or time.monotonic() > deadline:
            raise AssertionError(f"line {step.line}: {step.method} {step.path}: {why}")
        await asyncio.sleep(0.1)


async def follow_page(visitor: Visitor, name: str) -> None:
    """Send every request of a page."""
    page = (GUIDE / f"{name}.md").read_text()
    found = list(steps(page))
    assert len(found) == page.count("```http") > 4, "a request on the page has no response"
    known: dict[str, str] = {}
    for step in found:
        await follow(visitor, step, known)


@pytest.mark.parametrize("name", [*PAGES, *CONVENTIONS])
async def test_every_request_of_the_guide_is_answered_as_it_says(stack: RunningStack, name: str) -> None:
    visitor = a_visitor(stack)
    try:
        await follow_page(visitor, name)
    finally:
        await visitor.close()


async def test_the_page_about_sandboxes_holds_in_a_new_sandbox(stack: RunningStack) -> None:
    clock = re.search(r"--sandbox --clock (\S+)", (GUIDE / "sandbox.md").read_text())
    assert clock is not None
    sandbox = a_sandbox(stack, clock[1])
    try:
        await follow_page(sandbox, "sandbox")
    finally:
        await sandbox.close()


async def test_the_pages_hold_in_their_order_in_one_tenant(stack: RunningStack) -> None:
    linked = re.findall(r"\[([\w-]+)\]\(([\w-]+)\.md\)", (GUIDE / "README.md").read_text())
    names = [*PAGES, "sandbox", *CONVENTIONS]
    assert linked[: len(names)] == [(name, name) for name in names]
    names.remove("sandbox")  # it needs a tenant of its own
    visitor = a_visitor(stack)
    try:
        for name in names:
            await follow_page(visitor, name)
            # A reader is slower than the events: a purchase of one page would join a program of the next.
            await visitor.drained()
    finally:
        await visitor.close()
