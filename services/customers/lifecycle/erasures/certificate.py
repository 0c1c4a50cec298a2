"""The certificate of an erasure, as JSON and as a page."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from html import escape

from fastapi import Request, Response

from services.customers.lifecycle import tables
from services.customers.lifecycle.erasures.schemas import ErasureAnswer, ErasureCertificate, RemainingCopies
from services.customers.lifecycle.rules.erasing import last_copy_on_kafka
from services.customers.settings import Settings

NOTE = (
    "Events on Kafka contain no names or addresses, but may contain ids and texts of other systems. After a backup is "
    "restored, the erasures that are later than the backup are applied again."
)


class CertificatePage(Response):
    """The certificate as a page for people."""

    media_type = "text/html"


def prefers_page(request: Request) -> bool:
    """Return whether the client prefers a page to JSON, as browsers do."""
    before, page, _ = request.headers.get("accept", "").partition("text/html")
    return bool(page) and "application/json" not in before


def certificate_of(erasure: tables.Erasure, answers: Sequence[ErasureAnswer], settings: Settings) -> ErasureCertificate:
    """Return the certificate of a completed erasure."""
    assert erasure.completed_at is not None
    remaining = RemainingCopies(
        kafka_retention_days=settings.kafka_retention_days,
        kafka_until=last_copy_on_kafka(erasure.completed_at, settings.kafka_retention_days),
        backup_retention_days=settings.backup_days,
        backups_until=erasure.completed_at + timedelta(days=settings.backup_days),
        note=NOTE,
    )
    return ErasureCertificate.from_row(
        erasure,
        erasure_id=erasure.id,
        requested_at=erasure.created_at,
        answers=list(answers),
        remaining=remaining,
    )


def page_of(certificate: ErasureCertificate) -> CertificatePage:
    """Return the certificate as a page. It needs neither scripts nor other files."""
    facts = (
        ("Erasure", certificate.erasure_id),
        ("Customer", ", ".join(map(str, certificate.customer_ids))),
        ("Grounds", certificate.reason.replace("_", " ")),
        ("Requested", _time(certificate.requested_at)),
        ("Begun", _time(certificate.started_at)),
        ("Completed", _time(certificate.completed_at)),
        ("Blocked", "yes, by keyed hashes" if certificate.block else "no"),
    )
    remaining = certificate.remaining
    return CertificatePage(
        _PAGE.format(
            facts="".join(f"<dt>{name}</dt><dd>{escape(str(value))}</dd>" for name, value in facts),
            rows="".join(_rows(certificate)),
            kafka=_time(remaining.kafka_until),
            backups=_time(remaining.backups_until),
            note=escape(remaining.note),
        )
    )


def _rows(certificate: ErasureCertificate) -> Iterator[str]:
    for answer in certificate.answers:
        for each in answer.tables:
            cells = (answer.service, each.table, each.action, each.rows)
            yield "<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in cells) + "</tr>"


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Certificate of erasure</title>
<style>
body {{ font: 1rem/1.5 system-ui, sans-serif; max-width: 45rem; margin: 2rem auto; padding: 0 1rem; }}
table {{ border-collapse: collapse; width: 100%; }}
th, td {{ border-bottom: 1px solid #767676; padding: .25rem .5rem; text-align: left; }}
td:last-child, th:last-child {{ text-align: right; }}
dt {{ font-weight: bold; }}
</style>
</head>
<body>
<main>
<h1>Certificate of erasure</h1>
<dl>{facts}</dl>
<h2>What was erased</h2>
<table>
<thead><tr><th scope="col">Service</th><th scope="col">Table</th><th scope="col">Action</th><th scope="col">Rows</th>
</tr></thead>
<tbody>{rows}</tbody>
</table>
<h2>Copies that remain</h2>
<p>Kafka has deleted the last event about the customer by {kafka}, and the last backup is deleted by {backups}.
{note}</p>
</main>
</body>
</html>
"""
