"""The loyalty service: its features on the chassis."""

from chassis import Service
from services.loyalty.model import Owned
from services.loyalty.settings import Settings

service = Service("loyalty", settings=Settings, metadata=Owned.metadata)
app = service.app
