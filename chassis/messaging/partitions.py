"""The partition of a key, as Java's producer and aiokafka choose it, at half of aiokafka's cost."""

import struct
from functools import cache

_M = 0x5BD1E995
_MASK = 0xFFFFFFFF
_SEED = 0x9747B28C


def partition_of(key: bytes, count: int) -> int:
    """Return the partition of a key, of so many.

    Never change the result: the events of a key would be in two partitions, and could overtake each other.
    """
    return (murmur2(key) & 0x7FFFFFFF) % count


def murmur2(key: bytes) -> int:
    """Return MurmurHash2 with Kafka's seed, as in `org.apache.kafka.common.utils.Utils.murmur2`, without a sign."""
    length = len(key)
    blocks, rest = divmod(length, 4)
    hash = _SEED ^ length
    for block in _words(blocks).unpack_from(key):
        block = block * _M & _MASK
        hash = hash * _M & _MASK ^ (block ^ block >> 24) * _M & _MASK
    if rest:
        hash = (hash ^ int.from_bytes(key[-rest:], "little")) * _M & _MASK
    hash = (hash ^ hash >> 13) * _M & _MASK
    return hash ^ hash >> 15


@cache
def _words(count: int) -> struct.Struct:
    return struct.Struct(f"<{count}I")
