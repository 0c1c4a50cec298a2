"""Apply each mutant to a scratch copy of the project, and check that its tests fail.

`python -m tests.mutants [NAME ...]` tries the named mutants, or all. Exits with 1 if a mutant survives.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.mutants import ROOT, Mutant, mutants

LEFT_OUT = (".venv", ".rapport", ".git", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis", "__pycache__")
LONGEST_SECONDS = 600


def main() -> None:
    """Try the mutants in sequence."""
    chosen = [mutant for mutant in mutants() if not sys.argv[1:] or mutant.name in sys.argv[1:]]
    with tempfile.TemporaryDirectory(prefix="rapport-mutants-") as folder:
        copy = Path(folder) / "rapport"
        shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(*LEFT_OUT))
        (copy / ".rapport").symlink_to(ROOT / ".rapport")  # it contains Kafka's jars
        survivors = [mutant for mutant in chosen if not _is_caught(mutant, copy)]
    print(f"{len(chosen) - len(survivors)} of {len(chosen)} mutants were caught")
    if survivors or not chosen:
        raise SystemExit(1)


def _is_caught(mutant: Mutant, copy: Path) -> bool:
    """Return whether its tests fail. An error outside a test, such as a collection error, does not count."""
    started = time.monotonic()
    originals = mutant.apply(copy)
    try:
        completed = _run_tests(mutant, copy)
    finally:
        for path, text in originals.items():
            path.write_text(text)
    caught = completed.returncode == 1
    outcome = "caught" if caught else f"SURVIVED (pytest exited with {completed.returncode})"
    print(f"{outcome:8} {mutant.name} in {time.monotonic() - started:.0f} s: {mutant.breaks}", flush=True)
    if not caught:
        print(completed.stdout[-2000:])
    return caught


def _run_tests(mutant: Mutant, copy: Path) -> "subprocess.CompletedProcess[str]":
    # The copy precedes the installed packages, also in the commands and processes that a test starts.
    environment = {**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *mutant.tests],
        cwd=copy,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=LONGEST_SECONDS,
        check=False,
    )


if __name__ == "__main__":
    main()
