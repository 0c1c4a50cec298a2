"""docs/adding-a-feature.md, followed to the letter in a copy of the repository."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
PAGE = ROOT / "docs" / "adding-a-feature.md"
LEFT_OUT = (".venv", ".rapport", ".git", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis", "__pycache__")


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_the_walk_leads_where_it_says(tmp_path: Path) -> None:
    copy = tmp_path / "rapport"
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(*LEFT_OUT))
    follow(PAGE.read_text(), copy)
    run(copy, "-c", "from chassis.command import main; main()", "contracts")
    run(copy, "-m", "ruff", "check", "services", "tests")
    run(copy, "-m", "mypy", "--cache-dir", str(tmp_path / "mypy"))
    run(copy, "-m", "pytest", "-q", "tests/unit/loyalty", "tests/service/loyalty", "tests/contract")
    assert (copy / "contracts/events/loyalty.stamp_card_filled.v1.json").exists()

    feature = copy / "services/loyalty/features/stamp_cards.py"
    breakage = re.sub(r"    if await work.find\(Stamp.*\n        return\n", "", feature.read_text())
    assert breakage != feature.read_text()
    feature.write_text(breakage)
    broken = run(copy, "-m", "pytest", "-q", "tests/service/loyalty/test_stamp_cards.py", fails=True)
    assert "1 failed, 2 passed" in broken


def follow(page: str, copy: Path) -> None:
    """Types in what the page shows: python goes to the file that was named last, at its end when it stands already."""
    for shown in re.finditer(r"```python\n(.*?)```", page, re.S):
        name, code = re.findall(r"`((?:services|tests)/[\w/]+\.py)`", page[: shown.start()])[-1], shown.group(1)
        file = copy / name
        file.parent.mkdir(parents=True, exist_ok=True)
        before = file.read_text() + "\n\n" if file.exists() else ""
        file.write_text(before + code)
    test = copy / "tests/unit/loyalty/test_rules.py"
    test.write_text(test.read_text().replace("awards, lifetime", "awards, fills_a_card, lifetime"))
    readme = copy / "services/loyalty/README.md"
    text = readme.read_text()
    for row in re.search(r"```markdown\n(.*?)```", page, re.S).group(1).splitlines():  # type: ignore[union-attr]
        text = with_row(text, row)
    readme.write_text(text)


def with_row(readme: str, row: str) -> str:
    """The README with a row put beside its like, or in the place of the one with the same first cell."""
    first = row.split("|")[1]
    if f"|{first}|" in readme:
        return re.sub(rf"\|{re.escape(first)}\|[^\n]*", row, readme)
    beside = "| `loyalty.member_joined.v1` |" if "loyalty." in first else "| who takes part"
    return readme.replace(beside, f"{row}\n{beside}", 1)


def run(copy: Path, *words: str, fails: bool = False) -> str:
    done = subprocess.run([sys.executable, *words], cwd=copy, capture_output=True, text=True, check=False)
    assert (done.returncode != 0) is fails, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout
