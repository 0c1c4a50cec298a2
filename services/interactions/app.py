"""The interactions service."""

from chassis import Service
from services.interactions.base import Base, Job
from services.interactions.settings import Settings

service = Service(
    "interactions",
    settings=Settings,
    metadata=Base.metadata,
    areas=(
        "sources",
        "contact",
        "orders",
        "helpdesk",
        "routing",
        "feedback",
        "outreach",
        "campaigns",
        "voice",
        "overview",
    ),
    jobs=Job,
)
