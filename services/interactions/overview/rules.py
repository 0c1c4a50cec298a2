"""The vocabulary of timelines."""

from typing import Literal

Kind = Literal["touch_point", "purchase", "refund"]
