"""The interactions service: its features on the chassis."""

from chassis import Service
from services.interactions.model import Owned
from services.interactions.settings import Settings

service = Service("interactions", settings=Settings, metadata=Owned.metadata)
app = service.app
