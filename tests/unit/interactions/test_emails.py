"""Raw e-mails: their parts, threads and marks. No bytes raise an error or take long."""

import os
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.interactions.contact.rules.email_headers import addresses, decoded, message_ids
from services.interactions.contact.rules.email_texts import decode_text, text_of_html
from services.interactions.contact.rules.emails import Email, read_email

CORPUS = Path(os.__file__).parent / "test" / "test_email" / "data"
"""The messages of CPython's own tests: bounces, digests, broken boundaries, wrong charsets."""

MAIL = b"""\
From: =?utf-8?q?Ada_L=C3=B6ve?= <Ada@Example.org>
To: Help <help@shop.example>, "Second, Person" <second@shop.example>
Subject: =?iso-8859-1?q?Gr=FC=DFe?= und
 =?utf-8?b?8J+Ntg==?=
Message-ID: <m-3@example.org>
In-Reply-To: <m-2@example.org>
References: <m-1@example.org>
 <m-2@example.org>
Date: Mon, 02 Mar 2026 10:00:00 +0100
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="b"

--b
Content-Type: multipart/alternative; boundary="c"

--c
Content-Type: text/plain; charset=iso-8859-1
Content-Transfer-Encoding: quoted-printable

Where is my order? Gr=FC=DFe
--c
Content-Type: text/html

<p>Where is my <b>order</b>?</p>
--c--
--b
Content-Type: application/pdf
Content-Disposition: attachment; filename*=utf-8''Rechnung%20%C3%BC.pdf
Content-Transfer-Encoding: base64

QUJD
--b--
"""


def test_a_message_is_read() -> None:
    email = read_email(MAIL)
    assert (email.source_id, email.answers) == ("m-3@example.org", "m-1@example.org")
    assert email.sender is not None
    assert (email.sender.address, email.sender.name) == ("ada@example.org", "Ada Löve")
    assert [address.address for address in email.recipients] == ["help@shop.example", "second@shop.example"]
    assert email.subject == "Grüße und \U0001f376"
    assert email.text is not None
    assert email.text.strip() == "Where is my order? Grüße"
    assert email.sent_at is not None
    assert email.sent_at.isoformat() == "2026-03-02T09:00:00+00:00"
    (file,) = email.attachments
    assert (file["name"], file["media_type"], file["size_bytes"]) == ("Rechnung ü.pdf", "application/pdf", 3)
    assert file["sha256"] == "b5d4045c3f466fa91fe2cc6abe79232a1a57cdf104f7a26e716e0a1e2789df78"


def test_line_ends_of_any_kind_are_equal() -> None:
    for end in (b"\r\n", b"\r"):
        assert read_email(MAIL.replace(b"\n", end)).text == read_email(MAIL).text


@pytest.mark.parametrize(
    ("headers", "kind"),
    [
        (b"Auto-Submitted: auto-replied (vacation)", "reply"),
        (b"Auto-Submitted: auto-replied", "reply"),
        (b"Auto-Submitted: auto-replied; owner-email=a@b.c", "reply"),
        (b"Auto-Submitted: auto-generated", "notification"),
        (b"Auto-Submitted: no", None),
        (b"Precedence: bulk", "notification"),
        (b"List-Id: <tea.example.org>", "notification"),
        (b"X-Autoreply: yes", "reply"),
        (b"Content-Type: multipart/report; report-type=delivery-status; boundary=b", "bounce"),
        (b"From: MAILER-DAEMON@example.org\nReturn-Path: <>", "bounce"),
        (b"Return-Path: <>", None),
        (b"Subject: Out of office", None),
    ],
)
def test_machines_are_recognized(headers: bytes, kind: str | None) -> None:
    assert read_email(headers + b"\nMessage-ID: <m@example.org>\n\nHello").automatic == kind


def test_a_notice_of_failed_delivery_names_the_recipient_and_the_thread() -> None:
    notice = b"""\
From: mailer-daemon@mx.example
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b

It failed.
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example

Final-Recipient: rfc822; Ada@example.org
Status: 5.1.1
--b
Content-Type: message/rfc822

Message-ID: <offer@shop.example>
References: <first@shop.example>

Our offer
--b--
"""
    email = read_email(notice)
    assert email.undelivered_to is not None
    assert (email.automatic, email.undelivered_to.address) == ("bounce", "ada@example.org")
    assert email.answers == "first@shop.example"


@pytest.mark.parametrize(
    ("document", "text"),
    [
        ("<p>One</p><p>Two<br>Three</p>", "One\n\nTwo\nThree"),
        ("<head><title>No</title></head><style>p{}</style><script>a<b</script>Yes", "Yes"),
        ("<!-- <p>no</p> -->yes<!-- open", "yes"),
        ("1 < 2 &amp; 3 &lt; 4&nbsp;!", "1 < 2 & 3 < 4\xa0!"),
        ("<a href='x'>link</a> text", "link text"),
        ("<", "<"),
        ("", ""),
    ],
)
def test_the_text_of_html_is_what_one_sees(document: str, text: str) -> None:
    assert text_of_html(document) == text


@pytest.mark.parametrize(
    ("content", "charset", "text"),
    [
        (b"Gr\xfc\xdfe", "iso-8859-1", "Grüße"),
        (b"Gr\xfc\xdfe", "utf-8", "Grüße"),
        (b"it\x92s", None, "it\u2019s"),
        ("Grüße".encode(), "klingon", "Grüße"),
        (b"abc", "zlib", "abc"),
        (b"abc", "punycode", "abc"),
        (b"a\0b", "a\0b", "a\0b"),
        (b"\x81\x8d", None, "\ufffd\ufffd"),
    ],
)
def test_bytes_of_any_charset_are_text(content: bytes, charset: str | None, text: str) -> None:
    assert decode_text(content, charset) == text


def test_headers_that_are_wrong_are_read_as_they_occur() -> None:
    assert decoded("=?utf-8?b?a?=") == "=?utf-8?b?a?="
    assert decoded("=?klingon?q?tlh?=") == "tlh"
    assert message_ids("<a@b> (comment) <c@d>") == ["a@b", "c@d"]
    assert message_ids("a@b") == ["a@b"]
    assert [one.address for one in addresses("undisclosed-recipients:;", "<ada@example.org", "no address")] == [
        "ada@example.org"
    ]


@pytest.mark.skipif(not CORPUS.exists(), reason="this Python was installed without its own tests")
def test_every_message_of_the_public_corpus_is_read() -> None:
    files = sorted(CORPUS.glob("*.txt"))
    assert len(files) > 40
    for file in files:
        email = read_email(file.read_bytes())
        assert email.source_id


HOSTILE = {
    "nothing": b"",
    "NULs": b"\0" * 100_000,
    "nested 200 deep": b"Content-Type: multipart/mixed; boundary=a\n\n"
    + b"--a\nContent-Type: multipart/mixed; boundary=a\n\n" * 200,
    "nested messages": b"Content-Type: message/rfc822\n\n" * 3_000,
    "10,000 parts": b"Content-Type: multipart/mixed; boundary=a\n\n" + b"--a\n\nhi\n" * 10_000,
    "100,000 parts": b"Content-Type: multipart/mixed; boundary=a\n\n" + b"--a\n\nhi\n" * 100_000,
    "no end of the boundary": b"Content-Type: multipart/mixed; boundary=a\n\n--a\nContent-Type: text/plain\n\nhi",
    "an empty boundary": b"Content-Type: multipart/mixed; boundary=\n\n--\n\nhi\n----",
    "a long parameter list": b"Content-Type: multipart/mixed" + b";" * 2_000_000 + b"\n\nhi",
    "comments in comments": b"From: " + b"(" * 100_000 + b"ada@example.org\n\nhi",
    "encoded words without end": b"Subject: " + b"=?a?q?" * 200_000 + b"\n\nhi",
    "comments of HTML without end": b"Content-Type: text/html\n\n" + b"<!--" * 200_000,
    "tags without end": b"Content-Type: text/html\n\n" + b"<script" * 200_000,
    "a slow charset": b"Content-Type: text/plain; charset=punycode\n\n" + b"a-b" * 100_000,
    "headers only": b"X: y\n" * 200_000,
    "a folded header": b"Subject: a" + b"\n " * 100_000 + b"\n\nhi",
    "a long header line": b"Subject: " + b"x" * 5_000_000 + b"\n\nhi",
    "base64 that is none": b"Content-Transfer-Encoding: base64\n\n" + b"!!!!" * 200_000,
    "uuencoded garbage": b"Content-Transfer-Encoding: x-uuencode\n\nbegin 666 x\n" + b"~~~~\n" * 10_000,
    "a year 99999": b"Date: Mon, 02 Mar 99999 10:00:00 +9999\nMessage-ID: <a>\n\nhi",
    "lone surrogates": b"Subject: \xed\xa0\x80\nFrom: \xff\xfe@\xfd.example\n\n\xed\xb0\x80",
    "a wrong file name": b"Content-Type: application/x; name*=klingon'x'%ff%00\n\nhi",
    "a charset with NUL": b'Content-Type: text/plain; charset="a\0b"\n\nhi',
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_message_is_read_soon(content: bytes) -> None:
    started = time.process_time()
    email = read_email(content)
    assert time.process_time() - started < 5
    assert isinstance(email, Email)
    assert email.source_id
    assert len(email.text or "") <= 100_000
    assert len(email.attachments) <= 100


LINES = st.sampled_from(
    [
        *(b"From: a@b.c", b"From: \xff <", b"To: (", b"Subject: =?utf-8?b?AA=", b"Message-ID: <x@y>", b"Message-ID: >"),
        *(b"Content-Type: multipart/mixed; boundary=b", b"Content-Type: message/rfc822", b"Content-Type: text/html"),
        *(b"Content-Type: multipart/report; report-type=delivery-status; boundary=b", b"Content-Type: ;;=;"),
        *(b"Content-Type: text/plain; charset=utf-7", b"Content-Transfer-Encoding: base64", b"Date: 1 2 3"),
        *(b"Content-Type: message/delivery-status", b"Content-Disposition: attachment; filename*0*=x''%"),
        *(b"Content-Type: application/x; name*=a'b", b"", b"--b", b"--b--", b" folded", b"\0\r", b"=C3=28", b"+AGE-"),
    ]
)


@given(st.lists(LINES | st.binary(max_size=20), max_size=30).map(b"\n".join))
def test_no_bytes_raise_an_error(content: bytes) -> None:
    assert read_email(content).source_id
