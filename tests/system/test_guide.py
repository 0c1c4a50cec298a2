"""The guide: every request on its pages is sent, and every answer compared with what the page shows."""

import asyncio
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from chassis import json
from tests.support.stack import RunningStack, Visitor, a_visitor

GUIDE = Path(__file__).parents[2] / "docs" / "guide"
STEP = re.compile(r"```http\n(.*?)```\s+```json (\d+)\n(.*?)```", re.DOTALL)
ARRIVES_SECONDS = 15


@dataclass(frozen=True)
class Step:
    """A request and the answer that the page shows."""

    line: int
    method: str
    path: str
    headers: dict[str, str]
    body: str
    status: int
    answer: str


def steps(page: str) -> Iterator[Step]:
    """A page's requests, in order."""
    for found in STEP.finditer(page):
        first, *rest = found[1].rstrip().split("\n")
        method, path = first.split(" ", 1)
        heads = [line.split(": ", 1) for line in rest if re.match(r"[A-Z][\w-]*: ", line)]
        body = "\n".join(line for line in rest if not re.match(r"[A-Z][\w-]*: ", line))
        line = page[: found.start()].count("\n") + 1
        yield Step(line, method, path, {name: value for name, value in heads}, body, int(found[2]), found[3])


def filled(text: str, known: dict[str, str]) -> str:
    """A text with the values that earlier answers have given to its names."""
    return re.sub(r"\{(\w+)\}", lambda name: known.get(name[1], name[0]), text)


def differs(shown: Any, given: Any, known: dict[str, str], place: str = "") -> str | None:
    """Where an answer is not what the page shows; names that are met for the first time take their value from it."""
    if shown == "...":
        return None if given is not None else f"{place} is null"
    if isinstance(shown, str) and (name := re.fullmatch(r"\{(\w+)\}", shown)):
        return None if known.setdefault(name[1], given) == given else f"{place} is {given}"
    if isinstance(shown, dict) and isinstance(given, dict):
        parts = ((f"{place}/{key}", value, given.get(key, f"no {key}")) for key, value in shown.items())
    elif isinstance(shown, list) and isinstance(given, list) and len(shown) == len(given):
        parts = ((f"{place}/{index}", *pair) for index, pair in enumerate(zip(shown, given, strict=True)))
    else:
        return None if shown == given else f"{place} is {given!r}, the page shows {shown!r}"
    return next((why for where, one, other in parts if (why := differs(one, other, known, where))), None)


def compare(step: Step, answer: httpx.Response, known: dict[str, str]) -> str | None:
    """Why an answer is not what the page shows; None when it is."""
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
    """Sends a request; one that reads is asked again for a while, for events take a moment."""
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


@pytest.mark.parametrize("name", ["customers", "interactions", "loyalty", "analytics", "gateway"])
async def test_every_request_of_the_guide_is_answered_as_it_says(stack: RunningStack, name: str) -> None:
    page = (GUIDE / f"{name}.md").read_text()
    found = list(steps(page))
    assert len(found) == page.count("```http") > 4, "every request has an answer"
    visitor = a_visitor(stack)
    known: dict[str, str] = {}
    try:
        for step in found:
            await follow(visitor, step, known)
    finally:
        await visitor.close()
