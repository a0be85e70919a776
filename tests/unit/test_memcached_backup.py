"""The script of the shipped Memcacheds' backup, with a server that answers as memcached does."""

import os
import re
import socketserver
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote_from_bytes

import pytest

SCRIPT = Path(__file__).parents[2] / "kustomize/memcacheds/components/backup/backup.py"

Items = dict[bytes, tuple[bytes, bytes, bytes]]
"""Flags, when it expires as `set` has it, and the value, by the key."""

ITEMS: Items = {
    b"a": (b"5", b"0", b"foo"),
    "bär:1%20/x".encode(): (b"0", b"1795643685", b"1\r\n2\0END\r\n"),
    b"empty": (b"0", b"0", b""),
    b"big": (b"0", b"0", b"x" * 300_000),
}


class Node(socketserver.ThreadingTCPServer):
    """Answers as doc/protocol.txt of memcached says, or with an ``error`` to a dump; ``gone`` keys have no value."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, items: Items, gone: tuple[bytes, ...] = (), error: bytes = b"") -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.items, self.gone, self.error = items, gone, error


class Answers(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        node = self.server
        assert isinstance(node, Node)
        for line in self.rfile:
            match line.split():
                case [b"lru_crawler", b"metadump", b"all"] if node.error:
                    self.wfile.write(node.error)
                case [b"lru_crawler", b"metadump", b"all"]:
                    for key, (_, expires, _) in node.items.items():
                        told = quote_from_bytes(key, safe="").encode(), expires if expires != b"0" else b"-1"
                        self.wfile.write(b"key=%b exp=%b la=1 cas=1 fetch=no cls=1 size=70\n" % told)
                    self.wfile.write(b"END\r\n")
                case [b"get", key] if key not in node.gone:
                    flags, _, value = node.items[key]
                    self.wfile.write(b"VALUE %b %b %d\r\n%b\r\nEND\r\n" % (key, flags, len(value), value))
                case _:
                    self.wfile.write(b"END\r\n")


@pytest.fixture
def nodes() -> Iterator[list[Node]]:
    """The nodes that are started by a test."""
    started: list[Node] = []
    yield started
    for node in started:
        node.shutdown()
        node.server_close()


def dump(nodes: list[Node], node: Node) -> "subprocess.CompletedProcess[bytes]":
    nodes.append(node)
    threading.Thread(target=node.serve_forever).start()
    environment = {**os.environ, "SERVICE": "127.0.0.1", "PORT": str(node.server_address[1])}
    return subprocess.run([sys.executable, SCRIPT], env=environment, capture_output=True, timeout=30, check=False)


def parsed(output: bytes) -> Items:
    """What memcached would make of the commands."""
    found: Items = {}
    while output:
        match = re.match(rb"set (\S+) (\d+) (-?\d+) (\d+)\r\n", output)
        assert match, output[:80]
        key, flags, expires, size = match.groups()
        end = match.end() + int(size)
        assert output[end : end + 2] == b"\r\n"
        found[key] = (flags, expires, output[match.end() : end])
        output = output[end + 2 :]
    return found


def test_all_items_can_be_put_back(nodes: list[Node]) -> None:
    done = dump(nodes, Node(ITEMS))
    assert (done.returncode, done.stderr) == (0, b"")
    assert parsed(done.stdout) == ITEMS


def test_what_has_expired_meanwhile_is_left_out_and_so_is_a_key_that_nobody_can_ask_for(nodes: list[Node]) -> None:
    done = dump(nodes, Node({**ITEMS, b"two words": ITEMS[b"a"]}, gone=(b"a",)))
    assert done.returncode == 0
    assert parsed(done.stdout).keys() == ITEMS.keys() - {b"a"}


@pytest.mark.parametrize("error", [b"BUSY currently processing crawler request\r\n", b"ERROR\r\n"])
def test_a_node_that_refuses_fails_the_job(nodes: list[Node], error: bytes) -> None:
    done = dump(nodes, Node(ITEMS, error=error))
    assert done.returncode == 1
    assert done.stderr.strip() == b"a node answers to lru_crawler: " + error.strip()
