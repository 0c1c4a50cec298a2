"""The customers service: its features on the chassis."""

from chassis import Service
from services.customers.model import Owned
from services.customers.settings import Settings

service = Service("customers", settings=Settings, metadata=Owned.metadata)
app = service.app
