"""Books: the writes that were acknowledged to a tenant, in plain Python, and the state that must follow from them."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass
class Bought:
    """A purchase and its refunds, in cents."""

    id: str
    customer: str
    cents: int
    refunds: dict[str, int] = field(default_factory=dict)

    @property
    def points(self) -> int:
        """Return the points earned: 1 per whole currency unit that was not refunded."""
        return (self.cents - sum(self.refunds.values())) // 100


@dataclass
class Spent:
    """A redemption that a member was granted."""

    id: str
    customer: str
    points: int
    state: str


@dataclass
class Books:
    """All writes that were acknowledged to a tenant."""

    versions: Counter[str] = field(default_factory=Counter)
    """The current version of each customer's record."""
    touch_points: dict[str, str] = field(default_factory=dict)
    """The customer of each touch point, by its source id."""
    purchases: dict[str, Bought] = field(default_factory=dict)
    """By source id."""
    unsure: dict[str, Bought] = field(default_factory=dict)
    """Purchases whose response the client did not wait for. Each was recorded once or not at all."""
    spendings: dict[str, Spent] = field(default_factory=dict)

    @property
    def acknowledged(self) -> int:
        """Return the number of acknowledged writes."""
        refunds = sum(len(one.refunds) for one in self.purchases.values())
        return (
            sum(self.versions.values()) + len(self.touch_points) + len(self.purchases) + refunds + len(self.spendings)
        )

    def of(self, customer: str) -> list[Bought]:
        """Return a customer's purchases."""
        return [one for one in self.purchases.values() if one.customer == customer]

    def cents_of(self, customer: str) -> int:
        """Return the amount that a customer has paid, less refunds."""
        return sum(one.cents - sum(one.refunds.values()) for one in self.of(customer))

    def points_of(self, customer: str) -> int:
        """Return a member's points: earned, less captured. Reserved points are not spent yet."""
        spent = sum(
            one.points for one in self.spendings.values() if one.customer == customer and one.state == "captured"
        )
        return sum(one.points for one in self.of(customer)) - spent

    def happened_to(self, customer: str) -> Counter[str]:
        """Return the number of entries of each kind on a customer's timeline."""
        purchase_recorded = self.of(customer)
        return +Counter(
            touch_point=sum(1 for one in self.touch_points.values() if one == customer),
            purchase=len(purchase_recorded),
            refund=sum(len(one.refunds) for one in purchase_recorded),
        )

    def held(self) -> Iterator[Spent]:
        """Iterate over redemptions that are neither captured nor released."""
        return (one for one in self.spendings.values() if one.state == "reserved")
