"""The quickstart: it prints a key and a request that works, and the first requests of the README work with that key."""

import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from chassis.types import json
from tests.support.stack import RAPPORT, RunningStack

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")


def curl_in(text: str) -> str:
    (line,) = (line for line in text.splitlines() if line.startswith("curl "))
    return line


def in_shell(script: str, **environment: str) -> str:
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_it_prints_a_request_that_works_and_keeps_its_key(stack: RunningStack) -> None:
    printed = stack.command("quickstart")
    assert f"{stack.url}/docs" in printed
    customer = json.loads(in_shell(curl_in(printed), PATH="/usr/bin:/bin").encode())
    assert (customer["given_name"], customer["kind"]) == ("Ada", "person")
    file = stack.data_dir.root / "sandbox-key"
    assert file.read_text().startswith("rap_sandbox_")
    assert file.stat().st_mode & 0o077 == 0
    assert stack.command("quickstart") == printed, "the second call finds the sandbox again"


def test_the_first_requests_of_the_readme_lead_to_points(stack: RunningStack) -> None:
    stack.command("quickstart")
    section = (ROOT / "README.md").read_text().split("## First requests")[1]
    script = re.search(r"```sh\n(.*?)```", section, re.S)[1]  # type: ignore[index]
    script = script.replace("http://127.0.0.1:8400", stack.url).replace(".rapport", str(stack.data_dir.root))
    python = Path(sys.executable).parent
    printed = in_shell(script, PATH=f"{python}:/usr/bin:/bin")
    (membership,) = json.loads(printed.splitlines()[-1].encode())["items"]
    assert membership["balance"]["available"] == 12


@pytest.mark.nightly
def test_it_runs_the_system_until_it_is_interrupted(tmp_path: Path) -> None:
    words = [RAPPORT, "--data", str(tmp_path), "quickstart"]
    started = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert started.stdout is not None
    lines = []
    while not lines or not lines[-1].startswith("Ctrl-C"):
        lines.append(started.stdout.readline())
        assert lines[-1], started.communicate()[1]
    assert '"given_name":"Ada"' in in_shell(curl_in("".join(lines)), PATH="/usr/bin:/bin")
    started.send_signal(signal.SIGINT)
    assert started.wait(60) == 0
    started.communicate()
