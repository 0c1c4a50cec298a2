"""The analytics service: its features on the chassis."""

from chassis import Service
from services.analytics.model import Owned
from services.analytics.settings import Settings

service = Service("analytics", settings=Settings, metadata=Owned.metadata)
app = service.app
