"""The guide as pages: the Markdown of docs/guide. Only that folder is served, so links out of it are left out."""

import re
import shlex
from collections.abc import Mapping, Sequence
from functools import cache
from html import escape
from itertools import pairwise
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token

from chassis import NotFound
from gateway.pages import assets
from gateway.pages.documents import Document

FOLDER = Path(__file__).parents[2] / "docs" / "guide"
INDEX = "README"
ADDRESS = "/docs/guide"
ON_THE_API_PAGE = {"../events.md": "/docs#events", "../errors.md": "/docs#problems"}
"""Generated pages whose content the API reference shows."""
_HEADER = re.compile(r"[A-Z][\w-]*: ")
_LINK = re.compile(r"(\w[\w-]*)\.md(#.*)?")


class _Renderer(RendererHTML):
    def fence(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        """Render a block of code. It is a region that scrolls, so the keyboard must reach it."""
        token = tokens[idx]
        block = f'<pre tabindex="0"><code>{escape(token.content)}</code></pre>'
        kind, _, status = token.info.partition(" ")
        if kind == "http":
            command = f'<pre tabindex="0"><code>{escape(curl(token.content))}</code></pre>'
            block += f"<details><summary>curl</summary>{command}</details>"
        caption = "Request" if kind == "http" else f"Response {status}" if status else None
        return f"<figure><figcaption>{escape(caption)}</figcaption>{block}</figure>\n" if caption else f"{block}\n"


_MARKDOWN = MarkdownIt("commonmark", {"html": False}, renderer_cls=_Renderer).enable("table")


@cache
def read_page(name: str) -> Document:
    """Return a page of the guide. Raises NotFound."""
    titles = _titles()
    if name not in titles:
        raise NotFound
    content = render((FOLDER / f"{name}.md").read_text())
    return assets.page("guide", title=escape(titles[name]), pages=_navigation(titles, name), content=content)


def render(text: str) -> str:
    """Return a page as HTML: headings can be linked to, and links lead to the served pages."""
    tokens = _MARKDOWN.parse(text)
    for opening, content in pairwise(tokens):
        if opening.type == "heading_open":
            opening.attrSet("id", slug(content.content))
    for token in tokens:
        _move_links(token.children or ())
    return str(_MARKDOWN.renderer.render(tokens, _MARKDOWN.options, {}))


def curl(request: str) -> str:
    """Return the command that sends a request of the guide, with the URL and KEY of its first page."""
    first, *rest = request.rstrip().split("\n")
    method, path = first.split(" ", 1)
    count = next((index for index, line in enumerate(rest) if not _HEADER.match(line)), len(rest))
    headers, body = rest[:count], "\n".join(rest[count:])
    parts = [f'curl {"" if method == "GET" else f"-X {method} "}"$URL{path}"', '-H "Authorization: Bearer $KEY"']
    parts += [f"-H {shlex.quote(header)}" for header in headers]
    if body and any(header.startswith("Content-Type:") for header in headers):
        parts.append(f"--data-binary {shlex.quote(body)}")
    elif body:
        parts += ["-H 'Content-Type: application/json'", f"-d {shlex.quote(body)}"]
    return " \\\n  ".join(parts)


def slug(heading: str) -> str:
    """Return the anchor of a heading, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def address(link: str) -> str | None:
    """Return the address of a link's target on this system, or None if it is not served."""
    if link in ON_THE_API_PAGE or link.startswith(("#", "/docs")):
        return ON_THE_API_PAGE.get(link, link)
    inside = _LINK.fullmatch(link)
    if inside is None or inside[1] not in _titles():
        return None
    return _address(inside[1]) + (inside[2] or "")


def _move_links(tokens: Sequence[Token]) -> None:
    """Give links the addresses of the served pages. Of a link without one, the text remains."""
    is_hidden = False
    for token in tokens:
        if token.type == "link_open":
            target = address(str(token.attrGet("href")))
            is_hidden = target is None
            token.attrSet("href", target or "")
        if token.type in ("link_open", "link_close"):
            token.hidden = is_hidden


@cache
def _titles() -> Mapping[str, str]:
    """Return the titles of the pages by name, in the order in which the first page links to them."""
    index = (FOLDER / f"{INDEX}.md").read_text()
    linked = [name for name, _ in _LINK.findall(index) if (FOLDER / f"{name}.md").exists()]
    names = dict.fromkeys([INDEX, *linked, *sorted(file.stem for file in FOLDER.glob("*.md"))])
    return {name: (FOLDER / f"{name}.md").read_text().partition("\n")[0].lstrip("# ") for name in names}


def _navigation(titles: Mapping[str, str], current: str) -> str:
    items = (
        f'<li><a href="{_address(name)}"{" aria-current=page" if name == current else ""}>{escape(title)}</a></li>'
        for name, title in titles.items()
    )
    return f"<ul>{''.join(items)}</ul>"


def _address(name: str) -> str:
    return ADDRESS if name == INDEX else f"{ADDRESS}/{name}"
