"""The analytics service."""

from chassis import Service
from services.analytics.base import Base
from services.analytics.settings import Settings

service = Service("analytics", settings=Settings, metadata=Base.metadata, areas=("facts", "value", "retention"))
