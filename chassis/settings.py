"""Settings: every knob of a process, each with a sentence. They come from the environment.

`docs/settings.md` is generated from these classes.
"""

from pydantic import Field, PostgresDsn, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """What every service of Rapport can be told."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True)

    database_url: PostgresDsn = Field(description="PostgreSQL as the API's login sees it: least rights, one tenant.")
    worker_database_url: PostgresDsn | None = Field(
        None, description="PostgreSQL as the worker's login sees it; needed by the roles `worker` and `all`."
    )
    migration_database_url: PostgresDsn | None = Field(
        None, description="PostgreSQL as a login that may create roles and tables; needed by `rapport migrate` only."
    )
    database_pool_size: int = Field(8, ge=1, le=100, description="Connections that a process keeps for each login.")
    database_wait_seconds: float = Field(
        5.0, gt=0, description="How long a request waits for a free connection before it is refused with 503."
    )
    database_statement_seconds: float = Field(
        30.0, gt=0, description="The longest that one statement of a request or a reaction may run."
    )
    database_tls_ca: str | None = Field(
        None, description="A file with the authority that PostgreSQL's certificate must be signed by; turns TLS on."
    )

    kafka_bootstrap_servers: str = Field("127.0.0.1:9092", description="Kafka brokers, comma separated.")
    kafka_security_protocol: str = Field(
        "PLAINTEXT", pattern="^(PLAINTEXT|SSL|SASL_PLAINTEXT|SASL_SSL)$", description="How to speak to Kafka."
    )
    kafka_tls_ca: str | None = Field(
        None, description="A file with the authority that the brokers' certificates must be signed by."
    )
    kafka_sasl_mechanism: str = Field("SCRAM-SHA-512", description="The SASL mechanism, when the protocol uses SASL.")
    kafka_sasl_username: str | None = Field(None, description="The SASL user.")
    kafka_sasl_password: SecretStr | None = Field(None, description="The SASL password.")
    kafka_topic_prefix: str = Field("rapport", description="What topics and consumer groups begin with.")
    kafka_partitions: int = Field(12, ge=1, description="Partitions of a topic, when it is created here.")
    kafka_replication: int = Field(1, ge=1, description="Replicas of a topic, when it is created here.")
    kafka_retention_days: int = Field(30, ge=1, description="How long a topic keeps its events.")
    kafka_session_seconds: float = Field(
        10.0, ge=6, description="How long a silent consumer keeps its partitions before others take them."
    )
    instance: str = Field(
        "", description="Names this replica in its consumer groups, stable over restarts; the host's name when empty."
    )

    internal_token_public_key: str = Field(
        description="The gateway's Ed25519 public key (JWK): only requests that it signed are served."
    )
    cursor_secret: SecretStr = Field(description="Signs paging cursors; the same for all replicas of a service.")

    body_limit_bytes: int = Field(2_000_000, ge=1_000, description="The largest body of an ordinary request.")
    batch_body_limit_bytes: int = Field(16_000_000, ge=1_000, description="The largest body of a batch.")
    idempotency_hours: int = Field(72, ge=1, description="How long the answer to an Idempotency-Key is kept.")
    inbox_days: int = Field(45, ge=1, description="How long applied events are remembered; longer than Kafka's topics.")
    reaction_attempts: int = Field(4, ge=1, description="Tries of a reaction before its event becomes a dead letter.")
    unknown_tenant_seconds: float = Field(
        60.0, gt=0, description="How long an event of a tenant that was never announced waits for the announcement."
    )
    shutdown_seconds: float = Field(15.0, gt=0, description="How long running requests may take to end on shutdown.")

    log_level: str = Field("info", pattern="^(debug|info|warning|error)$", description="The least that is logged.")
    log_requests: bool = Field(True, description="One line for each request.")
