"""The settings of the customers service, beside those of every service."""

from pathlib import Path

from pydantic import Field

import chassis


class Settings(chassis.Settings):
    """The service's own settings."""

    contact_days: int | None = Field(
        90, ge=90, description="How long contacts are kept that frequency caps count; none: for ever."
    )
    backup_days: int = Field(
        30, ge=1, description="How long backups are kept, as certificates of erasures state it. It deletes no backup."
    )
    preference_link_days: int | None = Field(
        30, ge=1, description="How long expired links to the preference centre are listed; none: for ever."
    )
    quote_font: Path | None = Field(
        None,
        description="A TrueType or OpenType font for characters of quotes that FiraGO and Noto Sans CJK lack.",
    )
