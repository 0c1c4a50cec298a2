"""What the gateway can be told, beside what every service can."""

from pathlib import Path

from pydantic import Field, SecretStr

import chassis


class Settings(chassis.Settings):
    """The gateway's own knobs."""

    internal_token_private_key: SecretStr = Field(description="The Ed25519 key (JWK) that signs internal tokens.")
    internal_token_seconds: float = Field(60.0, ge=5, description="How long an internal token is good.")
    upstreams: dict[str, str] = Field(description="Where each service answers: a JSON object of name to URL.")
    upstream_concurrency: int = Field(
        256,
        ge=1,
        description="Requests that one service may have open here; more are refused, so that it starves no other.",
    )
    upstream_deadline_seconds: float = Field(35.0, gt=0, description="How long a service may take for an answer.")
    contracts: Path = Field(
        Path(__file__).parent.parent / "contracts", description="The folder of openapi.json and asyncapi.json."
    )
