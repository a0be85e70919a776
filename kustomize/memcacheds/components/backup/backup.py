"""Print what the nodes behind the host name $SERVICE hold, as commands that put it back.

kubectl logs job/NAME | nc NODE 11211
"""

import os
import socket
import sys
from collections.abc import Iterator
from typing import BinaryIO
from urllib.parse import unquote_to_bytes

PORT = int(os.environ.get("PORT", "11211"))
TIMEOUT = 30.0
"""Seconds that a node may take for one answer."""


def keys(node: socket.socket, answers: BinaryIO) -> Iterator[tuple[bytes, bytes]]:
    """All keys of a node, each with the second since the epoch at which it expires, 0 for never.

    https://github.com/memcached/memcached/blob/master/doc/protocol.txt, "LRU Crawler"
    """
    node.sendall(b"lru_crawler metadump all\r\n")
    for line in answers:
        if line.strip() == b"END":
            return
        told = dict(part.partition(b"=")[::2] for part in line.split())
        if b"key" not in told:
            sys.exit(f"a node answers to lru_crawler: {line.decode(errors='replace').strip()}")
        # What lives for ever has -1 here, with which `set` would make it expire at once.
        yield unquote_to_bytes(told[b"key"]), b"0" if told[b"exp"] == b"-1" else told[b"exp"]
    sys.exit("a node has ended its answer to lru_crawler too early")


def dump(node: socket.socket, output: BinaryIO) -> None:
    """Write a `set` for each item of a node."""
    answers = node.makefile("rb")
    for key, expires in list(keys(node, answers)):
        if key.split() != [key]:
            continue  # a client of the old binary protocol may have spaces in a key, which nobody else can ask for
        node.sendall(b"get %b\r\n" % key)
        header = answers.readline().split()
        if header == [b"END"]:
            continue  # it has expired, or has had to go
        _, _, flags, size = header
        value = answers.read(int(size) + 2)
        answers.readline()
        output.write(b"set %b %b %b %b\r\n%b" % (key, flags, expires, size, value))


def main() -> None:
    """Dump every node."""
    found = socket.getaddrinfo(os.environ["SERVICE"], PORT, type=socket.SOCK_STREAM)
    for address in sorted({sockaddr[0] for *_, sockaddr in found}):
        with socket.create_connection((address, PORT), TIMEOUT) as node:
            dump(node, sys.stdout.buffer)


if __name__ == "__main__":
    main()
