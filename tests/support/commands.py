"""`rapport` commands in forks of a process that has imported everything once: each costs a tenth of a new process."""

import multiprocessing
import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_context = multiprocessing.get_context("forkserver")


@dataclass(frozen=True)
class Finished:
    """A command that has ended."""

    code: int
    output: str
    errors: str


def run(words: Sequence[str], data: Path) -> Finished:
    """Run a command on a data folder and wait for its end."""
    _context.set_forkserver_preload(["local.preload", "local.commands", "gateway.commands", __name__])
    with tempfile.TemporaryDirectory() as folder:
        output, errors = Path(folder) / "output", Path(folder) / "errors"
        process = _context.Process(target=_run, args=(list(words), str(data), output, errors))
        process.start()
        process.join()
        code = process.exitcode
        process.close()
        assert code is not None
        return Finished(code, output.read_text(), errors.read_text())


def _run(words: list[str], data: str, output: Path, errors: Path) -> None:
    """Run the command line in the fork."""
    from chassis.cli.main import main

    for number, file in ((1, output), (2, errors)):
        with file.open("wb") as out:
            os.dup2(out.fileno(), number)
    os.environ["RAPPORT_DATA"] = data
    sys.argv = ["rapport", *words]
    main()
