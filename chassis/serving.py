"""Serving: one process of a service under uvicorn, that stops without losing what it has begun."""

import uvicorn

from chassis.service import Role, Service


def serve(service: Service, role: Role, host: str, port: int) -> None:
    """Runs until SIGTERM or SIGINT: then no new requests, the running ones end, the loops stop."""
    service.role = role
    settings = service.settings
    config = uvicorn.Config(
        service.asgi(),
        host=host,
        port=port,
        access_log=False,
        log_config=None,
        server_header=False,
        date_header=True,
        timeout_graceful_shutdown=int(settings.shutdown_seconds),
        timeout_keep_alive=75,
        limit_concurrency=2_000,
        h11_max_incomplete_event_size=64_000,
    )
    uvicorn.Server(config).run()
