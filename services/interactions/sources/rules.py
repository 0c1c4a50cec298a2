"""The comparison of contents. Plain values in, plain values out."""

import hashlib
from collections.abc import Mapping
from typing import Any

from chassis.types import json


def content_hash(content: Mapping[str, Any]) -> str:
    """Return the hash of a content. The order of its keys counts."""
    return hashlib.sha256(json.dumps(content)).hexdigest()
