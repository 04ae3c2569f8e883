/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A program that is to be run with the preload library. */
#ifndef PROGRAM_H
#define PROGRAM_H

/*
 * Finds command as execvp(3) would, follows a script to its interpreter, and looks whether the
 * library reaches it. Returns 0, or a status to exit with, and says why not: it is static, a Go
 * program, or runs with another's rights.
 */
int program_check(const char *command);

/* The library's place; ends the program, which says so, if it is not there. Puts it before others. */
int program_preload(void);

#endif
