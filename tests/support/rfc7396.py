"""JSON Merge Patch as its RFC defines it, to compare ours with."""

import copy
from typing import Any


def merge_patch_of_the_rfc(target: Any, patch: Any) -> Any:
    """Apply a patch by the pseudo-code of RFC 7396, section 2, word for word."""
    if not isinstance(patch, dict):
        return patch
    target = copy.deepcopy(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            if name in target:
                del target[name]
        else:
            target[name] = merge_patch_of_the_rfc(target.get(name), value)
    return target
