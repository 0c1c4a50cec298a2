"""The loyalty service."""

from chassis import Service
from services.loyalty.base import Base
from services.loyalty.settings import Settings

service = Service("loyalty", settings=Settings, metadata=Base.metadata, areas=("points",))
