"""The walkthrough: docs/adding-a-feature.md is followed literally in a copy of the repository."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from local.data_dir import DataDir

ROOT = Path(__file__).parent.parent.parent
PAGE = ROOT / "docs" / "adding-a-feature.md"
LEFT_OUT = (".venv", ".rapport", ".git", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis", "__pycache__")


@pytest.mark.slow
def test_the_page_leads_to_a_working_feature(tmp_path: Path, database: DataDir) -> None:
    copy, cache = tmp_path / "rapport", tmp_path / "mypy"
    if (ROOT / ".mypy_cache").exists():
        shutil.copytree(ROOT / ".mypy_cache", cache)
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(*LEFT_OUT))
    follow(PAGE.read_text(), copy)
    run_rapport(copy, database, *migration_command(PAGE.read_text()))
    run_rapport(copy, database, "contracts")
    run(copy, "-m", "ruff", "check", "services", "tests")
    run(copy, "-m", "ruff", "format", "--check", "services", "tests")
    run(copy, "-m", "mypy", "--cache-dir", str(cache))
    tests = ["tests/service/loyalty/test_stamp_cards.py", "tests/service/test_statements.py", "tests/contract"]
    run(copy, "-m", "pytest", "-q", "-p", "no:xdist", "-m", "not slow and not nightly", *tests)
    assert (copy / "contracts/events/loyalty.stamp_card_filled.v1.json").exists()
    (migration,) = (copy / "services/loyalty/migrations/versions").glob("*_stamp_cards.py")
    assert "create_tenant_table(" in migration.read_text()

    feature = copy / "services/loyalty/points/stamp_cards.py"
    breakage = re.sub(r"    if await work.find\(tables.Stamp.*\n        return\n", "", feature.read_text())
    assert breakage != feature.read_text()
    feature.write_text(breakage)
    broken = run(copy, "-m", "pytest", "-q", "-p", "no:xdist", "tests/service/loyalty/test_stamp_cards.py", fails=True)
    assert "1 failed, 2 passed" in broken


def follow(page: str, copy: Path) -> None:
    """Enter the page's code. A Python block belongs to the file named last, at its end if the file exists."""
    for block in re.finditer(r"```python\n(.*?)```", page, re.S):
        name = re.findall(r"`((?:services|tests)/[\w/]+\.py)`", page[: block.start()])[-1]
        file = copy / name
        file.parent.mkdir(parents=True, exist_ok=True)
        before = file.read_text() + "\n\n" if file.exists() else ""
        file.write_text(before + block.group(1))
    readme = copy / "services/loyalty/README.md"
    text = readme.read_text()
    for row in re.search(r"```markdown\n(.*?)```", page, re.S).group(1).splitlines():  # type: ignore[union-attr]
        text = with_row(text, row)
    readme.write_text(text)


def migration_command(page: str) -> list[str]:
    """Return the arguments of `rapport migrations new` that the page shows."""
    service, subject = re.search(r'rapport migrations new (\w+) "([\w ]+)"', page).groups()  # type: ignore[union-attr]
    return ["migrations", "new", service, subject]


def with_row(readme: str, row: str) -> str:
    """Return the README with a new row beside similar rows, or in place of the row with the same first cell."""
    first = row.split("|")[1]
    if f"|{first}|" in readme:
        return re.sub(rf"\|{re.escape(first)}\|[^\n]*", row, readme)
    beside = next(
        line
        for line in readme.splitlines()
        if ("`loyalty.member_joined" if "`loyalty." in first else "`membership`") in line
    )
    return readme.replace(beside, f"{row}\n{beside}", 1)


def run_rapport(copy: Path, database: DataDir, *words: str) -> str:
    """Run a command of the copy against the databases of the test run."""
    environment = {**os.environ, "RAPPORT_DATA": str(database.root), "PYTHONPATH": str(copy)}
    return run(copy, "-c", "from chassis.cli.main import main; main()", *words, environment=environment)


def run(copy: Path, *words: str, fails: bool = False, environment: dict[str, str] | None = None) -> str:
    environment = environment or {**os.environ, "PYTHONPATH": str(copy)}
    done = subprocess.run(
        [sys.executable, *words], cwd=copy, env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode != 0) is fails, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout
