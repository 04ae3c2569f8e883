#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""echo.py PORT: what comes goes back, over TLS; no more than setsockopt(). The numbers are those of linux/kseal.h."""
import socket
import sys

SOL_TCP, TCP_ULP = 6, 31
SOL_KSEAL, KSEAL_SO_ROLE, ROLE_SERVER, KSEAL_SO_PEER_IDENTITY = 19283, 3, (1).to_bytes(4, sys.byteorder), 16

with socket.create_server(("", int(sys.argv[1]))) as listener:
    listener.setsockopt(SOL_TCP, TCP_ULP, b"kseal")
    listener.setsockopt(SOL_KSEAL, KSEAL_SO_ROLE, ROLE_SERVER)
    while True:
        connection, peer = listener.accept()
        with connection:
            try:
                while data := connection.recv(65536):
                    connection.sendall(data)
                who = connection.getsockopt(SOL_KSEAL, KSEAL_SO_PEER_IDENTITY, 1024)
                print(peer[0], who.rstrip(b"\0").decode() or "(no certificate)", flush=True)
            except OSError as error:
                print(peer[0], error, file=sys.stderr, flush=True)
