#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Handshakes under way, very many at once: each has got its first flight and waits for the peer's last.

many.py KSEALD-PID CA [COUNT]: says in TAP that all of them can be, what each takes of memory in all (64 KiB at most), that
somebody else is served meanwhile, and that all ends when their peers go. Needs a kseald with the CA's
certificate for localhost. Of fewer than MANY only what kseald itself takes is judged: what a machine has available moves by
several MiB of its own accord, more than that many would take.
"""
import os
import re
import resource
import socket
import ssl
import sys
import time

SOL_KSEAL, KSEAL_SO_ROLE, ROLE_SERVER, TCP_ULP = 19283, 3, 1, 31
MANY = 5000
EACH = 64 * 1024


def kib(path, name):
    with open(path) as file:
        return int(re.search(rf"^{name}:\s+(\d+) kB", file.read(), re.M).group(1))


def counter(name):
    with open("/proc/net/kseal") as file:
        return int(re.search(rf"^{name}\s+(\d+)", file.read(), re.M).group(1))


def eventually(what):
    end = time.monotonic() + 60
    while not what() and time.monotonic() < end:
        time.sleep(0.05)
    return what()


class Peer:
    """A client that can stop anywhere."""

    def __init__(self, context, address):
        self.socket = socket.create_connection(address)
        self.into, self.out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.into, self.out, server_hostname="localhost")
        self.hello = b""
        self.go_on()

    def go_on(self):
        try:
            self.tls.do_handshake()
            return True
        except ssl.SSLWantReadError:
            return False
        finally:
            flight = self.out.read()
            self.hello = self.hello or flight
            self.socket.sendall(flight)

    def finish(self):
        while not self.go_on():
            self.into.write(self.socket.recv(65536))
        self.tls.write(b"hello")
        self.socket.sendall(self.out.read())


def main():
    helper, ca, count = sys.argv[1], sys.argv[2], int((sys.argv + [10000])[3])
    resource.setrlimit(resource.RLIMIT_NOFILE, (2 * count + 100, 2 * count + 100))
    context = ssl.create_default_context(cafile=ca)
    failed = 0

    def ok(number, good, text):
        nonlocal failed
        failed += not good
        print(f"{'' if good else 'not '}ok {number} - {text}", flush=True)

    print("1..5")
    listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
    listener.setsockopt(socket.IPPROTO_TCP, TCP_ULP, b"kseal")
    listener.setsockopt(SOL_KSEAL, KSEAL_SO_ROLE, ROLE_SERVER.to_bytes(4, sys.byteorder))
    done, began = counter("handshakes_done"), counter("handshakes_started")
    free, own = kib("/proc/meminfo", "MemAvailable"), kib(f"/proc/{helper}/status", "VmRSS")
    # its hello is everybody's: what they do with the answer nobody will know
    first = Peer(context, listener.getsockname())
    ends, clients = [listener.accept()[0]], []
    for _ in range(count - 1):
        clients.append(socket.create_connection(listener.getsockname()))
        clients[-1].sendall(first.hello)
        ends.append(listener.accept()[0])
    answered = all(client.recv(3) == b"\x16\x03\x03" for client in clients)
    ok(1, answered and counter("handshakes_started") - began == count and counter("handshakes_done") == done,
       f"{count} handshakes are under way")
    free -= kib("/proc/meminfo", "MemAvailable")
    own = kib(f"/proc/{helper}/status", "VmRSS") - own
    skip = " # SKIP the debug kernel has its own" if os.environ.get("KSEAL_VM_VARIANT") == "debug" else ""
    ok(2, skip or (free if count >= MANY else own) * 1024 // count <= EACH,
       f"each takes {free * 1024 // count} bytes in all, {own * 1024 // count} of them of kseald{skip}")
    first.finish()
    ends[0].settimeout(30)
    ok(3, ends[0].recv(16) == b"hello", "one of them goes on to the end")
    other = Peer(context, listener.getsockname())
    end = listener.accept()[0]
    other.finish()
    end.settimeout(30)
    ok(4, end.recv(16) == b"hello", "somebody who comes last is served")
    failures = counter("handshakes_failed")
    for client in clients:
        client.close()
    ok(5, eventually(lambda: counter("handshakes_failed") - failures == count - 1), "they fail when their peers go")
    sys.exit(failed != 0)


main()
