"""Mutants: an edit applies to a single match, or reports why it does not."""

import re
from pathlib import Path

import pytest

from tests.mutants import Edit, Mutant

SOURCE = '''\
LIMIT: int = 1
_READ = """
    select 1
"""


class Relay:
    size = 1

    @staticmethod
    def send() -> int:
        return 1

    async def stop(self) -> int:
        return 1 + 1


def send() -> int:
    return 1
'''


def mutant(*edits: Edit) -> Mutant:
    return Mutant("broken", "a promise", "it breaks", ("tests/unit/test_mutants.py",), edits)


@pytest.mark.parametrize(
    ("within", "find", "old_line", "new_line"),
    [
        ("send", "return 1", "def send() -> int:\n    return 1\n", "def send() -> int:\n    return 2\n"),
        ("Relay.send", "return 1", "        return 1\n\n", "        return 2\n\n"),
        ("Relay.send", "@staticmethod", "    @staticmethod\n", "    return 2\n"),
        ("Relay", "size = 1", "    size = 1\n", "    return 2\n"),
        ("Relay.size", "size = 1", "    size = 1\n", "    return 2\n"),
        ("_READ", "select 1", "    select 1\n", "    return 2\n"),
        ("LIMIT", "LIMIT: int = 1", "LIMIT: int = 1\n", "return 2\n"),
        ("", "select 1", "    select 1\n", "    return 2\n"),
    ],
    ids=["function", "method", "decorator", "class", "class attribute", "constant", "annotated constant", "whole file"],
)
def test_an_edit_changes_its_definition_alone(within: str, find: str, old_line: str, new_line: str) -> None:
    edited = Edit("relay.py", find, "return 2", within).apply(SOURCE)
    assert SOURCE.count(old_line) == 1
    assert edited == SOURCE.replace(old_line, new_line)


@pytest.mark.parametrize(
    ("within", "find", "reason"),
    [
        ("read", "return 1", "0 definitions of read, expected 1"),
        ("Relay.read", "return 1", "0 definitions of Relay.read, expected 1"),
        ("stop", "return 1", "0 definitions of stop, expected 1"),
        ("Relay.send", "return 2", "0 matches of 'return 2' in Relay.send, expected 1"),
        ("Relay.stop", "1", "2 matches of '1' in Relay.stop, expected 1"),
        ("", "send", "2 matches of 'send' in the file, expected 1"),
    ],
    ids=["function", "method", "method without its class", "no match", "two matches", "two in the file"],
)
def test_an_edit_that_does_not_apply_reports_why(tmp_path: Path, within: str, find: str, reason: str) -> None:
    (tmp_path / "relay.py").write_text(SOURCE)
    with pytest.raises(ValueError, match=re.escape(f"mutant broken, relay.py: {reason}")):
        mutant(Edit("relay.py", find, "", within)).apply(tmp_path)
    assert (tmp_path / "relay.py").read_text() == SOURCE


def test_a_name_that_is_defined_twice_is_ambiguous() -> None:
    with pytest.raises(ValueError, match="2 definitions of LIMIT, expected 1"):
        Edit("relay.py", "1", "2", "LIMIT").apply("LIMIT = 1\nLIMIT = 1\n")


def test_a_missing_file_is_reported(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"mutant broken, relay\.py: .*No such file"):
        mutant(Edit("relay.py", "1", "2")).apply(tmp_path)


def test_all_edits_apply_or_none_and_the_originals_are_returned(tmp_path: Path) -> None:
    source, tables = tmp_path / "relay.py", tmp_path / "tables.sql"
    source.write_text(SOURCE)
    tables.write_text("grant insert;\n")
    edits = [Edit("tables.sql", "insert", "select"), Edit("relay.py", "= 1", "= 2", "LIMIT")]
    with pytest.raises(ValueError, match="0 matches"):
        mutant(*edits, Edit("relay.py", "= 1", "= 3", "LIMIT")).apply(tmp_path)
    assert tables.read_text() == "grant insert;\n"
    assert mutant(*edits, Edit("relay.py", "size = 1", "size = 2")).apply(tmp_path) == {
        source: SOURCE,
        tables: "grant insert;\n",
    }
    assert tables.read_text() == "grant select;\n"
    assert source.read_text() == SOURCE.replace("int = 1", "int = 2").replace("size = 1", "size = 2")
