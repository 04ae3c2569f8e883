#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""TLS clients that share no code with kseal, for programs.sh.

visit.py CA PORT many COUNT: connects so often, shakes hands, closes.
visit.py CA PORT talk: sends its input, a line at a time, and prints what comes until the server ends, or for 2 s nothing.
visit.py CA PORT untrusted: trusts others: prints why it has refused.
visit.py CA PORT clear TEXT: sends TEXT without TLS, and prints what comes back.
"""
import socket
import ssl
import sys

ca, port, what = sys.argv[1], int(sys.argv[2]), sys.argv[3]
context = ssl.create_default_context(cafile=None if what == "untrusted" else ca)


def connect():
    return context.wrap_socket(socket.create_connection(("127.0.0.1", port), timeout=30), server_hostname="localhost")


if what == "many":
    for _ in range(int(sys.argv[4])):
        connect().close()
elif what == "talk":
    with connect() as tls:
        for line in sys.stdin.buffer:
            tls.sendall(line)
        tls.settimeout(2)
        try:
            while data := tls.recv(65536):
                sys.stdout.buffer.write(data)
        except TimeoutError:
            pass
elif what == "untrusted":
    try:
        connect()
        print("trusted")
    except ssl.SSLCertVerificationError as error:
        print("refused:", error.verify_message)
else:
    with socket.create_connection(("127.0.0.1", port), timeout=30) as plain:
        plain.sendall(sys.argv[4].encode().decode("unicode_escape").encode())
        plain.settimeout(2)
        try:
            print(plain.recv(65536))
        except OSError as error:
            print(error)
