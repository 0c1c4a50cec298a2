"""Programs of Node.js that a test uses, installed once per version of their lock file."""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def installed(folder: Path) -> Path:
    """Return a copy of a folder with the packages that its package-lock.json names. Skips the test without Node.js."""
    missing = [name for name in ("node", "npm") if shutil.which(name) is None]
    if missing:
        pytest.skip(f"{' and '.join(missing)} must be installed for this test")
    content = b"".join(file.read_bytes() for file in sorted(folder.iterdir()) if file.is_file())
    target = ROOT / ".rapport" / "node" / hashlib.sha256(content).hexdigest()[:16]
    if target.exists():
        return target
    new = target.with_suffix(f".{os.getpid()}")
    shutil.copytree(folder, new, ignore=shutil.ignore_patterns("node_modules"))
    done = subprocess.run(["npm", "ci", "--no-audit", "--no-fund"], cwd=new, capture_output=True, text=True)
    if done.returncode:
        shutil.rmtree(new)
        pytest.skip(f"npm could not install {folder.name}: {done.stderr.strip()[-300:]}")
    try:
        new.rename(target)
    except OSError:  # another process was first
        shutil.rmtree(new)
    return target
