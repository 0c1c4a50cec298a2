"""A guard that ends a server of a test run, no matter how the run ends."""

import subprocess


class Guard:
    """Sends SIGINT to a process when this process ends, even by SIGKILL. A shell waits until a pipe closes."""

    def __init__(self, pid: int) -> None:
        command = ["sh", "-c", f"read -r _; kill -s INT {pid}"]
        self._shell = subprocess.Popen(
            command, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
        )

    def dismiss(self) -> None:
        """End the guard without a signal to its process, which has ended."""
        self._shell.kill()
        self._shell.communicate()
