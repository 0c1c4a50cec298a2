"""Records that are sent before their purchase."""

from typing import Literal

from typing_extensions import TypeAliasType

WaitingState = TypeAliasType("WaitingState", Literal["waiting", "refused"])
"""It waits for its purchase, or was refused when it was recorded."""
WaitingRefundState = TypeAliasType("WaitingRefundState", Literal["waiting", "refused"])
"""The same of a refund, under the name that the clients of earlier releases know."""
