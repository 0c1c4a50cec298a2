"""Settings of a process, read from the environment. `docs/settings.md` is generated from these classes."""

from pydantic import Field, PostgresDsn, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """The settings of every service."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True)

    database_url: PostgresDsn = Field(description="PostgreSQL, with the API's login, which has the fewest rights.")
    worker_database_url: PostgresDsn | None = Field(
        None, description="PostgreSQL, with the worker's login; required by the roles `worker` and `all`."
    )
    migration_database_url: PostgresDsn | None = Field(
        None,
        description="PostgreSQL, with a login that may create roles and tables; for `rapport migrate`.",
    )
    database_pool_size: int = Field(8, ge=1, le=100, description="Maximum connections per process and login.")
    database_wait_seconds: float = Field(
        5.0, gt=0, description="How long a request waits for a free connection before it fails with 503."
    )
    database_statement_seconds: float = Field(
        30.0, gt=0, description="Time limit of one statement of a request or an event handler."
    )
    expensive_reads: int = Field(
        3,
        ge=2,
        description="Reads over all data of a tenant that a process runs at a time; tenants get equal parts.",
    )
    database_tls_ca: str | None = Field(
        None, description="File with the certificate authority of PostgreSQL; turns TLS on."
    )

    kafka_bootstrap_servers: str = Field("127.0.0.1:9092", description="Kafka brokers, comma separated.")
    kafka_security_protocol: str = Field(
        "PLAINTEXT",
        pattern="^(PLAINTEXT|SSL|SASL_PLAINTEXT|SASL_SSL)$",
        description="Security protocol of the brokers.",
    )
    kafka_tls_ca: str | None = Field(None, description="File with the certificate authority of the brokers.")
    kafka_sasl_mechanism: str = Field("SCRAM-SHA-512", description="The SASL mechanism, if the protocol uses SASL.")
    kafka_sasl_username: str | None = Field(None, description="The SASL user.")
    kafka_sasl_password: SecretStr | None = Field(None, description="The SASL password.")
    kafka_topic_prefix: str = Field("rapport", description="Prefix of topics and consumer groups.")
    kafka_partitions: int = Field(12, ge=1, description="Partitions of a topic that this process creates.")
    kafka_replication: int = Field(1, ge=1, description="Replicas of a topic that this process creates.")
    kafka_retention_days: int = Field(30, ge=1, description="Retention of a topic that this process creates.")
    kafka_session_seconds: float = Field(
        10.0, ge=6, description="How long a silent consumer keeps its partitions before the group reassigns them."
    )
    consumer_interval_seconds: float = Field(
        0.0,
        ge=0,
        le=1,
        description="Minimum time between two fetches of events. Events that arrive in between are applied together, "
        "which costs less.",
    )
    instance: str = Field(
        "", description="Name of this replica in its consumer groups, stable over restarts; the host name if empty."
    )

    internal_token_public_key: str = Field(
        description="The gateway's Ed25519 public key (JWK), which verifies internal tokens."
    )
    cursor_secret: SecretStr = Field(description="Secret that signs cursors; the same for all replicas of a service.")

    operator_token: SecretStr | None = Field(
        None,
        min_length=16,
        description="Bearer token of the operator, which opens `/metrics`, and `/v1/status` with the counts of all "
        "tenants. Without it, `/metrics` does not exist.",
    )

    otel_exporter_otlp_endpoint: str | None = Field(
        None,
        pattern="^https?://",
        description="OpenTelemetry collector (OTLP over HTTP), such as http://127.0.0.1:4318; turns traces on. Needs "
        "the extra `otel`. The other variables of the OpenTelemetry SDK apply too, such as `OTEL_TRACES_SAMPLER`.",
    )

    files: str = Field(
        "files",
        description="Where uploads and exports are kept: a folder that all replicas of the service share, or the URL "
        "of an S3-compatible store, such as `s3://bucket/prefix`. The variables `AWS_ACCESS_KEY_ID`, "
        "`AWS_SECRET_ACCESS_KEY`, `AWS_REGION` and `AWS_ENDPOINT_URL` apply to it.",
    )
    job_days: int = Field(
        30, ge=1, description="How long a finished job is kept, with its files and what it needs to be reverted."
    )

    body_limit_bytes: int = Field(2_000_000, ge=1_000, description="Maximum body of an ordinary request.")
    batch_body_limit_bytes: int = Field(16_000_000, ge=1_000, description="Maximum body of a batch.")
    upload_limit_bytes: int = Field(
        1_000_000_000, ge=1_000, description="Maximum size of an uploaded file, also after its decompression."
    )
    max_connections: int | None = Field(
        None,
        ge=10,
        description="Maximum open connections; by default 8,000, or 80 % of the file descriptors if those are fewer.",
    )
    idempotency_hours: int = Field(72, ge=1, description="How long the response to an Idempotency-Key is stored.")
    inbox_days: int = Field(
        45, ge=1, description="How long applied events are remembered; longer than Kafka's retention."
    )
    archive_days: int | None = Field(
        None,
        ge=3,
        description="How long published events are kept for `rapport republish` and `rapport reconcile`; none: for "
        "ever.",
    )
    handler_attempts: int = Field(
        4,
        ge=1,
        description="Attempts to handle an event that conflicts or exceeds a time limit, until it is a dead letter.",
    )
    unknown_tenant_seconds: float = Field(
        600.0, gt=0, description="How long an event of an unknown tenant waits for the event that announces the tenant."
    )
    shutdown_seconds: float = Field(15.0, gt=0, description="How long running requests may take to finish on shutdown.")

    log_level: str = Field("info", pattern="^(debug|info|warning|error)$", description="Lowest level that is logged.")
    log_requests: bool = Field(True, description="Log one line per request.")
