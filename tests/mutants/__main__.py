"""Break the code in each of the known ways, in a scratch copy, and see that the test named beside it fails.

`python -m tests.mutants [NAME ...]` tries those of a name; none means all. Ends with 1 when one survives.
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
    """Tries them, one after the other."""
    chosen = [one for one in mutants() if not sys.argv[1:] or one.name in sys.argv[1:]]
    with tempfile.TemporaryDirectory(prefix="rapport-mutants-") as folder:
        copy = Path(folder) / "rapport"
        shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(*LEFT_OUT))
        (copy / ".rapport").symlink_to(ROOT / ".rapport")  # Kafka's jars stand there
        survivors = [one for one in chosen if not _is_caught(one, copy)]
    print(f"{len(chosen) - len(survivors)} of {len(chosen)} mutants were caught")
    if survivors or not chosen:
        raise SystemExit(1)


def _is_caught(mutant: Mutant, copy: Path) -> bool:
    """Whether its tests fail with it: fail, not break off for another reason."""
    started = time.monotonic()
    subprocess.run(["git", "apply", mutant.patch], cwd=copy, check=True)
    try:
        ended = _run_tests(mutant, copy)
    finally:
        subprocess.run(["git", "apply", "--reverse", mutant.patch], cwd=copy, check=True)
    caught = ended.returncode == 1
    said = "caught" if caught else f"SURVIVED (pytest ended with {ended.returncode})"
    print(f"{said:8} {mutant.name} in {time.monotonic() - started:.0f} s: {mutant.breaks}", flush=True)
    if not caught:
        print(ended.stdout[-2000:])
    return caught


def _run_tests(mutant: Mutant, copy: Path) -> "subprocess.CompletedProcess[str]":
    # The copy comes before the installed packages, for the commands and processes that a test starts as well.
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
