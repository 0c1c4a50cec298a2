"""Gateway overhead: the time that the gateway adds to a request."""

from statistics import median

from benchmarks.load import drive
from benchmarks.shop import Shop
from benchmarks.stand import Stand, say


async def overhead(stand: Stand, shop: Shop) -> tuple[str, dict[str, float]]:
    """Measure a read and a write, one at a time, alternately through the gateway and directly to the service."""
    said, added = [], {}
    for what, service, requests in (("read", "customers", Shop.reads), ("write", "interactions", Shop.touch_points)):
        direct = shop.at(stand.service(service))
        times: dict[str, list[float]] = {"through": [], "direct": []}
        for _ in range(stand.sizes.rounds):
            for name, client in (("through", shop), ("direct", direct)):
                outcome = await drive(client.target, requests(client), stand.sizes.seconds / 2, 1)
                times[name].append(outcome.quantile(0.5))
        through, straight = median(times["through"]), median(times["direct"])
        added[what] = through - straight
        said.append(f"a {what} {through:.2f} ms instead of {straight:.2f} ms (+{added[what]:.2f})")
    text = f"Through the gateway instead of directly to the service, p50, one request at a time: {'; '.join(said)}."
    say(text)
    return text, added
