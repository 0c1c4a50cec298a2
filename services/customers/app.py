"""The customers service."""

from chassis import Service
from services.customers.base import Base, Job
from services.customers.settings import Settings

service = Service(
    "customers",
    settings=Settings,
    metadata=Base.metadata,
    areas=("customization", "people", "permission", "sales", "transfer", "lifecycle"),
    jobs=Job,
)
