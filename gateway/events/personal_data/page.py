"""Personal data as a page for people. It needs neither scripts nor other files."""

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

from fastapi import Response


class PersonalDataPage(Response):
    """Personal data as a page."""

    media_type = "text/html"


def page_of(title: str, sections: Sequence[tuple[str, Mapping[str, Sequence[Mapping[str, Any]]]]]) -> PersonalDataPage:
    """Return a page: a section for each service, and in it the rows of each table."""
    return PersonalDataPage(_PAGE.format(title=escape(title), content="".join(_sections(sections))))


def _sections(sections: Sequence[tuple[str, Mapping[str, Sequence[Mapping[str, Any]]]]]) -> Iterator[str]:
    for heading, tables in sections:
        yield f"<section><h2>{escape(heading)}</h2>"
        yield from (_table(name, rows) for name, rows in tables.items())
        yield "</section>"


def _table(name: str, rows: Sequence[Mapping[str, Any]]) -> str:
    items = "".join(f"<li><dl>{_fields(row)}</dl></li>" for row in rows)
    return f"<h3>{escape(name.replace('_', ' '))}</h3><ol>{items}</ol>"


def _fields(row: Mapping[str, Any]) -> str:
    return "".join(
        f"<dt>{escape(name.replace('_', ' '))}</dt><dd>{_value(value)}</dd>"
        for name, value in row.items()
        if value not in (None, [], {}, "")
    )


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return f"<dl>{_fields(value)}</dl>"
    if isinstance(value, list):
        return "<ul>" + "".join(f"<li>{_value(item)}</li>" for item in value) + "</ul>"
    return escape(str(value))


_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ font: 1rem/1.5 system-ui, sans-serif; max-width: 50rem; margin: 2rem auto; padding: 0 1rem; }}
dt {{ font-weight: bold; }}
dd {{ margin: 0 0 .25rem 1rem; overflow-wrap: anywhere; }}
li > dl {{ border-top: 1px solid #767676; padding-top: .5rem; }}
</style>
</head>
<body><main><h1>{title}</h1>{content}</main></body>
</html>
"""
