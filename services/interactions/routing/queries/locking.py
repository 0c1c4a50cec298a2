"""The lock of a tenant's routing.

Whatever assigns cases, ends assignments or changes queues takes it first, before it locks a case. So two dispatchers
never choose from the same capacity, and none waits for another in a circle.
"""

from chassis import Command, UnitOfWork


async def lock_routing(work: UnitOfWork) -> None:
    """Wait until no other transaction routes cases of the tenant, and keep others waiting until the commit."""
    await work.execute(_LOCK)


_LOCK = Command("select pg_advisory_xact_lock(hashtextextended('routing ' || current_setting('app.tenant'), 0))")
