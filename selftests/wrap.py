#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Programs that know nothing of TLS, for wrap.sh.

wrap.py serve ADDRESS PORT [WORKERS [PROTOCOL]]: answers each connection with "plain PID\n" and what it read, and closes it; with
several workers each has its own listener (SO_REUSEPORT). Says "ready" when all listen.
wrap.py probe ADDRESS PORT SECONDS: connects all the time, without TLS; says how often it was answered in clear.
wrap.py queued PORT COMMAND...: a listener whose queue has a connection when COMMAND runs; says what becomes of it.
"""
import os
import signal
import socket
import subprocess
import sys
import time


def listen(address, port, protocol=0):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, protocol)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listener.bind((address, port))
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
    for _ in range(int(workers)):
        listener = listen(address, int(port), int(protocol))
        child = os.fork()
        if not child:
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
    while True:
        signal.pause()


def probe(address, port, seconds):
    end, tries, clear = time.monotonic() + float(seconds), 0, 0
    while time.monotonic() < end:
        tries += 1
        try:
            with socket.create_connection((address, int(port)), timeout=2) as connection:
                connection.sendall(b"hello\n")
                clear += b"plain" in connection.recv(100)
        except OSError:
            pass
        time.sleep(0.002)
    print(f"{clear} of {tries} in clear" if clear else "none in clear" if tries > 20 else "too few tries")


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


{"serve": serve, "probe": probe, "queued": queued}[sys.argv[1]](*sys.argv[2:])
