"""The partition of a key is that of every other Kafka producer, or events of a key could overtake each other."""

import random

import pytest
from aiokafka.partitioner import DefaultPartitioner

from chassis.messaging.partitions import murmur2, partition_of

# From the tests of Kafka's own client (org.apache.kafka.common.utils.UtilsTest.testMurmur2), as unsigned numbers.
OF_JAVA = {
    b"21": -973932308,
    b"foobar": -790332482,
    b"a-little-bit-long-string": -985981536,
    b"a-little-bit-longer-string": -1486304829,
    b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
    b"abc": 479470107,
}


@pytest.mark.parametrize("key", OF_JAVA)
def test_the_hash_is_that_of_java(key: bytes) -> None:
    assert murmur2(key) == OF_JAVA[key] & 0xFFFFFFFF


def test_every_key_has_the_partition_that_aiokafka_chooses() -> None:
    dice = random.Random(1)
    for length in range(200):
        key, partitions = dice.randbytes(length), list(range(dice.randint(1, 50)))
        assert partition_of(key, len(partitions)) == DefaultPartitioner()(key, partitions, partitions)
