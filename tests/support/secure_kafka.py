"""A Kafka node with TLS and SASL, on the local stack's jars: a certificate authority of its own, a user per service."""

import asyncio
import secrets
import signal
import ssl
import subprocess
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from pydantic import SecretStr

from local import kafka_server
from local.data_dir import DataDir, free_port
from local.processes import stop
from tests.support.guard import Guard
from tests.support.patience import PATIENCE_SECONDS

ACLS = Path(__file__).parents[1] / "system" / "kafka" / "Acls.java"
MECHANISM = "SCRAM-SHA-512"
ADMIN = "admin"


@dataclass(frozen=True)
class SecureKafka:
    """The address of the node, the file of its certificate authority, and the passwords of its users."""

    address: str
    tls_ca: Path
    passwords: dict[str, str]

    def settings(self, user: str) -> dict[str, Any]:
        """Return the KAFKA_* settings of a service."""
        return {
            "kafka_bootstrap_servers": self.address,
            "kafka_security_protocol": "SASL_SSL",
            "kafka_tls_ca": str(self.tls_ca),
            "kafka_sasl_mechanism": MECHANISM,
            "kafka_sasl_username": user,
            "kafka_sasl_password": SecretStr(self.passwords[user]),
            "kafka_partitions": 1,
            "kafka_session_seconds": 6.0,
        }

    def client_options(self, user: str, password: str | None = None) -> dict[str, Any]:
        """Return the options of a Kafka client, with another password than the right one if given."""
        return {
            "bootstrap_servers": self.address,
            "security_protocol": "SASL_SSL",
            "ssl_context": ssl.create_default_context(cafile=str(self.tls_ca)),
            "sasl_mechanism": MECHANISM,
            "sasl_plain_username": user,
            "sasl_plain_password": password or self.passwords[user],
        }


@asynccontextmanager
async def secure_kafka(root: Path, users: Sequence[str]) -> AsyncIterator[SecureKafka]:
    """Run the node. Each user may write the topic of its own name, and read all topics."""
    data_dir = DataDir.at(root)
    kafka_server.fetch_jars()
    ports = {name: free_port(set()) for name in ("kafka", "kafka_controller")}
    passwords = {user: secrets.token_urlsafe(16) for user in (ADMIN, *users)}
    make_certificates(root)
    _initialise(data_dir, ports, passwords)
    running = kafka_server.start(data_dir)
    guard = Guard(running.pid)
    kafka = SecureKafka(f"127.0.0.1:{ports['kafka']}", root / "ca.pem", passwords)
    try:
        await _until_it_answers(kafka)
        _grant(root, kafka, users)
        yield kafka
    finally:
        await stop(data_dir, "kafka", running, signal.SIGTERM)
        guard.dismiss()


def make_certificates(root: Path) -> None:
    """Make a certificate authority and the node's key, as docs/operations.md describes it."""
    _run("openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=ca -keyout ca.key -out ca.pem", root)
    _run("openssl req -newkey rsa:2048 -nodes -subj /CN=127.0.0.1 -keyout broker.key -out broker.csr", root)
    (root / "names").write_text("subjectAltName=IP:127.0.0.1\n")
    sign = "openssl x509 -req -in broker.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names"
    _run(f"{sign} -out broker.pem", root)
    (root / "broker.store.pem").write_text((root / "broker.key").read_text() + (root / "broker.pem").read_text())


def _initialise(data_dir: DataDir, ports: dict[str, int], passwords: dict[str, str]) -> None:
    root = data_dir.root
    listener = f"SASL_SSL://127.0.0.1:{ports['kafka']}"
    login = f'{_LOGIN} username="{ADMIN}" password="{passwords[ADMIN]}";'
    properties = kafka_server._properties(root / "kafka", ports) | {
        "listeners": f"{listener},CONTROLLER://127.0.0.1:{ports['kafka_controller']}",
        "advertised.listeners": listener,
        "listener.security.protocol.map": "SASL_SSL:SASL_SSL,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "SASL_SSL",
        "sasl.enabled.mechanisms": MECHANISM,
        "sasl.mechanism.inter.broker.protocol": MECHANISM,
        "listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config": login,
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": root / "broker.store.pem",
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": root / "ca.pem",
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": f"User:{ADMIN};User:ANONYMOUS",  # the controller's listener, which is not for clients
    }
    file = root / "kafka.properties"
    file.write_text("".join(f"{name}={value}\n" for name, value in properties.items()))
    (root / "admin.properties").write_text(
        f"bootstrap.servers=127.0.0.1:{ports['kafka']}\nsecurity.protocol=SASL_SSL\nsasl.mechanism={MECHANISM}\n"
        f"sasl.jaas.config={login}\nssl.truststore.type=PEM\nssl.truststore.location={root / 'ca.pem'}\n"
    )
    users = [f"--add-scram={MECHANISM}=[name={name},password={word}]" for name, word in passwords.items()]
    cluster = str(data_dir.secrets()["cluster_id"])
    format = ["kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(file), *users]
    subprocess.run([*kafka_server._java(), *format], check=True, capture_output=True)


def _grant(root: Path, kafka: SecureKafka, users: Sequence[str]) -> None:
    command = [*kafka_server._java(), str(ACLS), str(root / "admin.properties"), *users]
    subprocess.run(command, check=True, capture_output=True)


async def _until_it_answers(kafka: SecureKafka) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            admin = AIOKafkaAdminClient(**kafka.client_options(ADMIN))
            try:
                await admin.start()
                return
            except (KafkaError, OSError):
                await asyncio.sleep(0.2)
            finally:
                await admin.close()


def _run(command: str, folder: Path) -> None:
    subprocess.run(command.split(), cwd=folder, check=True, capture_output=True)


_LOGIN = "org.apache.kafka.common.security.scram.ScramLoginModule required"
