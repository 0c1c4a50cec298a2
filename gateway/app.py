"""The gateway: its own resources on the chassis, and the data path to the services in front of them."""

from chassis import Service
from gateway.data_path import DataPath
from gateway.model import Owned
from gateway.pages import pages
from gateway.settings import Settings

service = Service("gateway", package="gateway", settings=Settings, metadata=Owned.metadata, front=DataPath)
app = service.app
app.include_router(pages)
