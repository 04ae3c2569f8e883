#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""inject.py PID NUMBER [ARGUMENT...]: has the process make a system call, and prints what came of it: the name of the
errno, "went", or "killed by" a signal. The process waits in a system call, and goes on doing so. x86-64; needs root."""
import ctypes
import errno
import os
import signal
import sys

GETREGS, SETREGS, SINGLESTEP, ATTACH, DETACH = 12, 13, 9, 16, 17
REGISTERS = ("r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi orig_rax rip cs eflags rsp ss "
             "fs_base gs_base ds es fs gs").split()


class Registers(ctypes.Structure):
    _fields_ = [(name, ctypes.c_ulong) for name in REGISTERS]


def main():
    pid, number, *arguments = (int(word, 0) for word in sys.argv[1:])
    ptrace = ctypes.CDLL(None, use_errno=True).ptrace
    ptrace.argtypes = [ctypes.c_ulong, ctypes.c_ulong, ctypes.c_void_p, ctypes.c_void_p]
    ptrace.restype = ctypes.c_long

    def do(request, data=None):
        if ptrace(request, pid, None, data):
            sys.exit("ptrace %d: %s" % (request, os.strerror(ctypes.get_errno())))

    before, regs = Registers(), Registers()
    do(ATTACH)
    os.waitpid(pid, 0)
    do(GETREGS, ctypes.addressof(before))
    ctypes.memmove(ctypes.addressof(regs), ctypes.addressof(before), ctypes.sizeof(regs))
    # the instruction that it waits in, once more
    regs.rip -= 2
    regs.rax, regs.orig_rax = number, 2 ** 64 - 1
    for name, value in zip("rdi rsi rdx r10 r8 r9".split(), arguments + [0] * (6 - len(arguments))):
        setattr(regs, name, value % 2 ** 64)
    do(SETREGS, ctypes.addressof(regs))
    do(SINGLESTEP)
    _, status = os.waitpid(pid, 0)
    if os.WIFSIGNALED(status):
        print("killed by", signal.Signals(os.WTERMSIG(status)).name)
        return
    do(GETREGS, ctypes.addressof(regs))
    do(SETREGS, ctypes.addressof(before))
    do(DETACH)
    result = ctypes.c_long(regs.rax).value
    print(errno.errorcode.get(-result, str(result)) if result < 0 else "went")


main()
