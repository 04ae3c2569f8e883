/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The log: one line a message on stderr, with the priority prefixes of
 * sd-daemon(3) when systemd's journal reads it. Never a key, secret or byte of
 * a private file.
 */
#ifndef KSEALD_LOG_H
#define KSEALD_LOG_H

#include <stdbool.h>
#include <stddef.h>

/* Priorities as in syslog(3). */
enum log_level {
	LOG_LEVEL_ERROR = 3,
	LOG_LEVEL_WARNING = 4,
	LOG_LEVEL_NOTICE = 5,
	LOG_LEVEL_INFO = 6,
	LOG_LEVEL_DEBUG = 7,
};

/* Looks at the environment once. name: of the program, "kseald" before; must stay. */
void log_init(const char *name);

/* The least urgent that is printed; LOG_LEVEL_INFO before. */
void log_set_level(enum log_level level);

/* For callers that would otherwise compute what is not printed. */
bool log_wants(enum log_level level);

/*
 * From here on lines go to a thread of their own, so that nobody waits for who reads
 * them: a pipe that is full, a terminal that was stopped. 64 KiB of them wait; what is
 * more is dropped, and said later how much. Before other threads are there, and after
 * the last fork(). Returns 0 or -errno: lines are printed by whom they are of, as before.
 */
int log_start(void);

/* Waits for what is to be printed, for up to a second. When other threads are gone. */
void log_stop(void);

/* Prints the program's name and the formatted line; a newline is added. Any thread. */
void log_line(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* One line of text that others have a part in: '?' for each control character. */
void log_flatten(char *text, size_t len);

#define log_error(...)		log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...)	log_line(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_notice(...)		log_line(LOG_LEVEL_NOTICE, __VA_ARGS__)
#define log_info(...)		log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)		log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
