#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Programs that know nothing of TLS, for wrap.sh.

wrap.py serve ADDRESS PORT [WORKERS [PROTOCOL]]: answers each connection with "plain PID\n" and what it read, and closes it; with
several workers each has its own listener (SO_REUSEPORT). Says "ready" when all listen.
wrap.py probe ADDRESS PORT SECONDS [PAUSE LEAST]: connects all the time, without TLS; says how often it was answered in clear, if
it came to more than LEAST tries.
wrap.py fragments PORT: begins a connection to ::1 in two fragments; says whether it was answered.
wrap.py queued PORT COMMAND...: a listener whose queue has a connection when COMMAND runs; says what becomes of it.
"""
import os
import signal
import socket
import struct
import subprocess
import sys
import time


def listen(address, port, protocol=0):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, protocol)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    # with the device of a link-local one
    listener.bind(socket.getaddrinfo(address, port, family)[0][4])
    listener.listen(128)
    return listener


def answer(listener):
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            continue
        try:
            with connection:
                connection.settimeout(20)
                connection.sendall(b"plain %d\n" % os.getpid() + connection.recv(100))
        except OSError:
            pass


def serve(address, port, workers="1", protocol="0"):
    children = []
    # who is told to end before all is ready ends with all its children
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    for _ in range(int(workers)):
        listener = listen(address, int(port), int(protocol))
        child = os.fork()
        if not child:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
            answer(listener)
        children.append(child)
        listener.close()

    def stop(*_):
        for child in children:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        sys.exit()

    signal.signal(signal.SIGTERM, stop)
    print("ready", flush=True)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
    while True:
        signal.pause()


def probe(address, port, seconds, pause="0.002", least="20"):
    end, tries, clear = time.monotonic() + float(seconds), 0, 0
    # an emulated guest takes its time for as many
    while time.monotonic() < end or (tries <= int(least) and time.monotonic() < end + 15):
        tries += 1
        try:
            with socket.create_connection((address, int(port)), timeout=2) as connection:
                connection.sendall(b"hello\n")
                clear += b"plain" in connection.recv(100)
        except OSError:
            pass
        time.sleep(float(pause))
    print(f"{clear} of {tries} in clear" if clear else "none in clear" if tries > int(least) else "too few tries")


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def fragments(port):
    own, port, home = 40000 + os.getpid() % 20000, int(port), socket.inet_pton(socket.AF_INET6, "::1")

    def segment(check):
        # data offset 6, SYN, an MSS of 1220; eight bytes of data for the other fragment
        return struct.pack("!HHIIBBHHHBBH", own, port, 1000, 0, 6 << 4, 2, 65535, check, 0, 2, 4, 1220) + bytes(8)

    whole = segment(checksum(home + home + struct.pack("!II", 32, socket.IPPROTO_TCP) + segment(0)))
    raw = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW)
    answers = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_TCP)
    answers.settimeout(2)
    for offset, part in (0, whole[:24]), (24, whole[24:]):
        # RFC 8200 4.5: the offset is in units of eight bytes, above three bits
        header = struct.pack("!BBHI", socket.IPPROTO_TCP, 0, offset | (offset == 0), os.getpid())
        packet = struct.pack("!IHBB", 6 << 28, len(header + part), socket.IPPROTO_FRAGMENT, 64) + home + home + header + part
        raw.sendto(packet, ("::1", 0))
    end = time.monotonic() + 2
    while time.monotonic() < end:
        try:
            got = answers.recv(2000)
        except TimeoutError:
            break
        # SYN and ACK
        if struct.unpack("!HH", got[:4]) == (port, own) and got[13] == 0x12:
            print("answered")
            return
    print("silence")


def queued(port, *command):
    listener = listen("127.0.0.1", int(port))
    client = socket.create_connection(("127.0.0.1", int(port)))
    client.sendall(b"hello\n")
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    listener.settimeout(1)
    try:
        listener.accept()
        print("accepted")
    except TimeoutError:
        try:
            print("ended" if client.recv(10) == b"" else "answered")
        except ConnectionResetError:
            print("reset")


{"serve": serve, "probe": probe, "fragments": fragments, "queued": queued}[sys.argv[1]](*sys.argv[2:])
