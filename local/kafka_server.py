"""Apache Kafka as a single node in KRaft mode, from jars that Maven downloads."""

import hashlib
import shutil
import subprocess
from pathlib import Path

from local.data_dir import DataDir, StackError
from local.processes import Subprocess

VERSION = "4.3.0"
HERE = Path(__file__).parent
RECIPE = HERE / "kafka"
JARS = HERE.parent / ".rapport" / f"kafka-{VERSION}"
CONTROLLER_LOG = "__cluster_metadata-0"
REPAIR = "`rapport reconcile --repair`, which publishes again the events that were in transit"
OTHER_WAYS = "Or point KAFKA_BOOTSTRAP_SERVERS at an existing Kafka."


def fetch_jars() -> None:
    """Download the jars, and check each against the committed list of hashes."""
    if (JARS / "COMPLETE").exists():
        return
    for program, package in (("mvn", "Maven"), ("java", "Java 17 or newer")):
        if shutil.which(program) is None:
            raise StackError(f"{package} is missing (`rapport doctor` says how to install it). {OTHER_WAYS}")
    JARS.mkdir(parents=True, exist_ok=True)
    goal = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
    options = ["-DincludeScope=runtime", f"-DoutputDirectory={JARS}"]
    fetched = subprocess.run(
        ["mvn", "-q", "-B", "-f", str(RECIPE / "pom.xml"), goal, *options], capture_output=True, text=True, check=False
    )
    if fetched.returncode != 0:
        raise StackError(f"Maven could not fetch Kafka: {fetched.stdout.strip()[-800:]}")
    _check_jars()
    (JARS / "COMPLETE").touch()


def _check_jars() -> None:
    for line in (RECIPE / "jars.sha256").read_text().splitlines():
        digest, name = line.split()
        jar = JARS / name
        if not jar.exists() or hashlib.sha256(jar.read_bytes()).hexdigest() != digest:
            raise StackError(f"{name} does not have the expected hash; remove {JARS} and try again.")


def prepare(data_dir: DataDir, ports: dict[str, int]) -> bool:
    """Write the server's properties, and format its storage if that is missing. Returns whether it was formatted.

    Raises StackError if the storage is damaged. The storage itself is the only evidence that it was formatted.
    """
    data = data_dir.root / "kafka"
    properties = data_dir.root / "kafka.properties"
    properties.write_text("".join(f"{name}={value}\n" for name, value in _properties(data, ports).items()))
    partitions = [folder.name for folder in (data / "logs").glob("*-*/") if folder.name != CONTROLLER_LOG]
    is_formatted = _is_formatted(data / "logs" / "meta.properties")
    if is_formatted and (not partitions or (data / "logs" / CONTROLLER_LOG).is_dir()):
        return False
    if partitions:
        missing = CONTROLLER_LOG if is_formatted else "meta.properties"
        raise StackError(f"Kafka's folder {data / 'logs'} is damaged: {missing} is missing. {way_out(data_dir)}")
    _format(data_dir, data, ports)
    return True


def way_out(data_dir: DataDir) -> str:
    """Return how to go on without the contents of a damaged folder."""
    return (
        f"To go on without its contents: `rm -r {data_dir.root / 'kafka'}`, `rapport up`, and {REPAIR}. "
        "PostgreSQL holds the state of all services, and is not affected."
    )


def _is_formatted(file: Path) -> bool:
    """Return whether the file that Kafka's format writes is complete."""
    lines = file.read_text(errors="replace").splitlines() if file.is_file() else []
    return {"node.id", "cluster.id", "directory.id"} <= {line.partition("=")[0] for line in lines}


def _format(data_dir: DataDir, data: Path, ports: dict[str, int]) -> None:
    """Format a new folder, then put it in place: an interrupted format leaves nothing there."""
    new = data.with_name("kafka.new")
    for folder in (new, data):
        shutil.rmtree(folder, ignore_errors=True)
    new.mkdir(mode=0o700)
    properties = new / "format.properties"
    properties.write_text("".join(f"{name}={value}\n" for name, value in _properties(new, ports).items()))
    cluster = str(data_dir.secrets()["cluster_id"])
    command = [*_java(), "kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(properties)]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    if made.returncode != 0:
        raise StackError(f"Kafka's storage could not be formatted: {made.stdout}{made.stderr}")
    properties.unlink()
    new.rename(data)


def start(data_dir: DataDir) -> Subprocess:
    """Start the broker, which responds after about two seconds."""
    return Subprocess([*_java(), "kafka.Kafka", str(data_dir.root / "kafka.properties")], data_dir.log("kafka"))


def _java() -> list[str]:
    heap = ["-Xms96m", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
    return ["java", *heap, f"-Dlog4j2.configurationFile={RECIPE / 'log4j2.properties'}", "-cp", f"{JARS}/*"]


def _properties(data: Path, ports: dict[str, int]) -> dict[str, object]:
    """Return the properties of a single node that is broker and controller, without replicas."""
    return {
        "process.roles": "broker,controller",
        "node.id": 1,
        "controller.quorum.voters": f"1@127.0.0.1:{ports['kafka_controller']}",
        "listeners": f"PLAINTEXT://127.0.0.1:{ports['kafka']},CONTROLLER://127.0.0.1:{ports['kafka_controller']}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{ports['kafka']}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "controller.listener.names": "CONTROLLER",
        "log.dirs": data / "logs",
        "auto.create.topics.enable": "false",
        "offsets.topic.replication.factor": 1,
        "offsets.topic.num.partitions": 1,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "transaction.state.log.num.partitions": 1,
        "share.coordinator.state.topic.replication.factor": 1,
        "share.coordinator.state.topic.min.isr": 1,
        "share.coordinator.state.topic.num.partitions": 1,
        "group.initial.rebalance.delay.ms": 0,
        "group.min.session.timeout.ms": 1000,
        # A killed broker can register again only after its old session has expired.
        "broker.session.timeout.ms": 2000,
        "broker.heartbeat.interval.ms": 300,
        "log.cleaner.dedupe.buffer.size": 16777216,
    }
