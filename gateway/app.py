"""The gateway: its own resources, and the reverse proxy in front of the services."""

from chassis import Service
from gateway.base import Base
from gateway.pages import docs
from gateway.proxy.reverse_proxy import ReverseProxy
from gateway.settings import Settings

service = Service(
    "gateway",
    package="gateway",
    settings=Settings,
    metadata=Base.metadata,
    areas=("access", "proxy", "events", "pages"),
    outer_app=ReverseProxy,
    plain_routes=docs.routes,
)
