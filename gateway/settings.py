"""The settings of the gateway, beside those of every service."""

from pathlib import Path

from pydantic import Field, SecretStr

import chassis


class Settings(chassis.Settings):
    """The gateway's own settings."""

    internal_token_private_key: SecretStr = Field(description="The Ed25519 key (JWK) that signs internal tokens.")
    internal_token_seconds: float = Field(60.0, ge=5, description="Lifetime of an internal token.")
    upstreams: dict[str, str] = Field(description="Address of each service: a JSON object of name to URL.")
    upstream_concurrency: int = Field(
        256,
        ge=1,
        description="Maximum open requests per service; more are rejected, so that a slow service delays no other.",
    )
    upstream_deadline_seconds: float = Field(
        35.0, gt=0, description="How long a request to a service may take, from its first byte to the last one sent."
    )
    contracts: Path = Field(
        Path(__file__).parent.parent / "contracts", description="The folder of openapi.json and asyncapi.json."
    )
