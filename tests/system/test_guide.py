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
PAGES = ["customers", "interactions", "loyalty", "analytics", "gateway", "events", "webhooks"]
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
    answer: str


def steps(page: str) -> Iterator[Step]:
    """Iterate over a page's requests in order."""
    for found in STEP.finditer(page):
        first, *rest = found[1].rstrip().split("\n")
        method, path = first.split(" ", 1)
        heads = [line.split(": ", 1) for line in rest if re.match(r"[A-Z][\w-]*: ", line)]
        body = "\n".join(line for line in rest if not re.match(r"[A-Z][\w-]*: ", line))
        line = page[: found.start()].count("\n") + 1
        yield Step(line, method, path, {name: value for name, value in heads}, body, int(found[2]), found[3])


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
    if not step.answer.strip():
        return None
    met = dict(known)
    why = differs(json.loads(filled(step.answer, known)), answer.json(), met)
    if why is None:
        known.update(met)
    return why


async def follow(visitor: Visitor, step: Step, known: dict[str, str]) -> None:
    """Send a request and compare the response. A GET is retried for a while, because events take time to arrive."""
    deadline = time.monotonic() + ARRIVES_SECONDS
    content = filled(step.body, known).encode() or None
    headers = {**step.headers, **({"Content-Type": "application/json"} if content else {})}
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


@pytest.mark.parametrize("name", PAGES)
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
    linked = re.findall(r"\[\w+\]\((\w+)\.md\)", (GUIDE / "README.md").read_text())
    assert linked[: len(PAGES)] == PAGES
    visitor = a_visitor(stack)
    try:
        for name in PAGES:
            await follow_page(visitor, name)
            # A reader is slower than the events: a purchase of one page would join a program of the next.
            await visitor.drained()
    finally:
        await visitor.close()
