"""Books: what one tenant was told, kept in plain Python, and what must therefore hold."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass
class Bought:
    """A purchase, in cents, and what of it has gone back."""

    id: str
    customer: str
    cents: int
    refunds: dict[str, int] = field(default_factory=dict)

    @property
    def points(self) -> int:
        """One point for each whole unit of money that was kept."""
        return (self.cents - sum(self.refunds.values())) // 100


@dataclass
class Spent:
    """Points that a member was granted."""

    id: str
    customer: str
    points: int
    state: str


@dataclass
class Books:
    """Everything that was acknowledged to one tenant."""

    versions: Counter[str] = field(default_factory=Counter)
    """Which version the record of each customer has reached."""
    touch_points: dict[str, str] = field(default_factory=dict)
    """The customer of each, by the source's number."""
    purchases: dict[str, Bought] = field(default_factory=dict)
    """By the source's number."""
    unsure: dict[str, Bought] = field(default_factory=dict)
    """Purchases whose answer nobody has waited for: each is there once, or not at all."""
    spendings: dict[str, Spent] = field(default_factory=dict)

    @property
    def acknowledged(self) -> int:
        """How many writes these books hold."""
        refunds = sum(len(one.refunds) for one in self.purchases.values())
        return (
            sum(self.versions.values()) + len(self.touch_points) + len(self.purchases) + refunds + len(self.spendings)
        )

    def of(self, customer: str) -> list[Bought]:
        """A customer's purchases."""
        return [one for one in self.purchases.values() if one.customer == customer]

    def cents_of(self, customer: str) -> int:
        """What a customer has paid and not got back."""
        return sum(one.cents - sum(one.refunds.values()) for one in self.of(customer))

    def points_of(self, customer: str) -> int:
        """What a member holds: earned, less what was spent. Points that are held for something are not spent yet."""
        spent = sum(
            one.points for one in self.spendings.values() if one.customer == customer and one.state == "captured"
        )
        return sum(one.points for one in self.of(customer)) - spent

    def happened_to(self, customer: str) -> Counter[str]:
        """How many entries of each kind a customer's timeline has."""
        bought = self.of(customer)
        return +Counter(
            touch_point=sum(1 for one in self.touch_points.values() if one == customer),
            purchase=len(bought),
            refund=sum(len(one.refunds) for one in bought),
        )

    def held(self) -> Iterator[Spent]:
        """Redemptions that are neither captured nor released."""
        return (one for one in self.spendings.values() if one.state == "reserved")
