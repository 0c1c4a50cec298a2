"""What the gateway adds to a request."""

from statistics import median

from benchmarks.load import drive
from benchmarks.shop import Shop
from benchmarks.stand import Stand, say


async def overhead(stand: Stand, shop: Shop) -> tuple[str, dict[str, float]]:
    """A read and a write through the gateway beside the same ones at the service, one at a time, by turns."""
    said, added = [], {}
    for what, service, requests in (("read", "customers", Shop.reads), ("write", "interactions", Shop.touch_points)):
        direct = shop.at(stand.service(service))
        times: dict[str, list[float]] = {"through": [], "direct": []}
        for _ in range(stand.sizes.rounds):
            for name, one in (("through", shop), ("direct", direct)):
                outcome = await drive(one.target, requests(one), stand.sizes.seconds / 2, 1)
                times[name].append(outcome.quantile(0.5))
        through, straight = median(times["through"]), median(times["direct"])
        added[what] = through - straight
        said.append(f"a {what} {through:.2f} ms instead of {straight:.2f} ms (+{added[what]:.2f})")
    text = f"Through the gateway instead of straight at the service, p50, one at a time: {'; '.join(said)}."
    say(text)
    return text, added
