// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The log; see log.h.
 */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/prctl.h>
#include "log.h"

#define LINE_MAX_LEN	1200
#define WAITING_MAX	65536		/* bytes of lines; some 600 of them */
#define STACK_LEN	(128 * 1024)	/* which is locked in memory */
#define END_SECONDS	1

static _Atomic enum log_level most = LOG_LEVEL_INFO;
static const char *program = "kseald";
static bool prefixed;

/* What waits for the thread that writes: a ring of bytes, whole lines. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	pthread_t thread;
	bool running, ending, ended;
	size_t first, len;
	unsigned long lost;		/* lines, since the last one that says so */
	char bytes[WAITING_MAX];
} waiting = { .lock = PTHREAD_MUTEX_INITIALIZER };

void log_init(const char *name)
{
	program = name;
	prefixed = getenv("JOURNAL_STREAM") || getenv("INVOCATION_ID");
}

void log_set_level(enum log_level level)
{
	most = level;
}

bool log_wants(enum log_level level)
{
	return level <= most;
}

static size_t format(char *line, enum log_level level, const char *text)
{
	int len = prefixed ? snprintf(line, LINE_MAX_LEN, "<%d>%s: %s\n", level, program, text) :
			     snprintf(line, LINE_MAX_LEN, "%s: %s\n", program, text);

	return len < LINE_MAX_LEN ? (size_t)len : LINE_MAX_LEN - 1;
}

/* Or none, if nobody will ever read them. */
static void write_all(const char *bytes, size_t len)
{
	struct pollfd out = { .fd = STDERR_FILENO, .events = POLLOUT };

	while (len) {
		ssize_t n = write(STDERR_FILENO, bytes, len);

		if (n >= 0) {
			bytes += n;
			len -= (size_t)n;
		} else if (errno == EAGAIN) {
			/* the descriptor is not ours alone: somebody may have made it so */
			(void)poll(&out, 1, -1);
		} else if (errno != EINTR) {
			return;
		}
	}
}

/* ---- the thread that writes ---- */

/* Whether there was room for it. */
static bool put(const char *line, size_t len)
{
	size_t at = (waiting.first + waiting.len) % WAITING_MAX;
	size_t part = len < WAITING_MAX - at ? len : WAITING_MAX - at;

	if (waiting.len + len > WAITING_MAX)
		return false;
	memcpy(waiting.bytes + at, line, part);
	memcpy(waiting.bytes, line + part, len - part);
	waiting.len += len;
	return true;
}

/* Where the lines would stand that were dropped. */
static void say_lost(void)
{
	char text[128], line[LINE_MAX_LEN];

	snprintf(text, sizeof(text), "%lu line%s of the log w%s dropped: whoever reads it is too slow",
		 waiting.lost, waiting.lost == 1 ? "" : "s", waiting.lost == 1 ? "as" : "ere");
	if (put(line, format(line, LOG_LEVEL_WARNING, text)))
		waiting.lost = 0;
}

/* Whole lines, as many as a pipe keeps together: the opener's and the signer's come there, too. */
static void write_piece(void)
{
	char piece[PIPE_BUF];
	size_t len = 0;

	for (size_t i = 0; i < sizeof(piece) && i < waiting.len; i++) {
		piece[i] = waiting.bytes[(waiting.first + i) % WAITING_MAX];
		if (piece[i] == '\n')
			len = i + 1;
	}
	pthread_mutex_unlock(&waiting.lock);
	write_all(piece, len);
	pthread_mutex_lock(&waiting.lock);
	waiting.first = (waiting.first + len) % WAITING_MAX;
	waiting.len -= len;
}

static void *write_lines(void *arg)
{
	pthread_mutex_lock(&waiting.lock);
	for (;;) {
		if (waiting.len) {
			write_piece();
		} else if (waiting.lost) {
			say_lost();
		} else if (waiting.ending) {
			break;
		} else {
			pthread_cond_wait(&waiting.changed, &waiting.lock);
		}
	}
	waiting.ended = true;
	pthread_cond_broadcast(&waiting.changed);
	pthread_mutex_unlock(&waiting.lock);
	return arg;
}

int log_start(void)
{
	pthread_condattr_t clock;
	pthread_attr_t attr;
	sigset_t all, before;
	char name[16] = "";
	int ret;

	pthread_condattr_init(&clock);
	pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	pthread_cond_init(&waiting.changed, &clock);
	pthread_condattr_destroy(&clock);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_LEN);
	waiting.ending = waiting.ended = false;
	/* SIGPIPE among them: an error of write(2) is enough */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	/* it inherits the name: a thread's own is no longer to be changed from outside */
	prctl(PR_GET_NAME, name);
	prctl(PR_SET_NAME, "kseald-log");
	ret = pthread_create(&waiting.thread, &attr, write_lines, NULL);
	prctl(PR_SET_NAME, name);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	waiting.running = !ret;
	return -ret;
}

void log_stop(void)
{
	struct timespec limit;
	bool ended;

	if (!waiting.running)
		return;
	clock_gettime(CLOCK_MONOTONIC, &limit);
	limit.tv_sec += END_SECONDS;
	pthread_mutex_lock(&waiting.lock);
	waiting.ending = true;
	pthread_cond_broadcast(&waiting.changed);
	while (!waiting.ended &&
	       !pthread_cond_timedwait(&waiting.changed, &waiting.lock, &limit))
		;
	ended = waiting.ended;
	pthread_mutex_unlock(&waiting.lock);
	/* else nobody reads: what follows is dropped as well */
	if (!ended)
		return;
	pthread_join(waiting.thread, NULL);
	waiting.running = false;
}

/* ---- a line ---- */

static void enqueue(const char *line, size_t len)
{
	pthread_mutex_lock(&waiting.lock);
	if (waiting.lost)
		say_lost();
	if (waiting.lost || !put(line, len))
		waiting.lost++;
	pthread_cond_signal(&waiting.changed);
	pthread_mutex_unlock(&waiting.lock);
}

void log_line(enum log_level level, const char *fmt, ...)
{
	char text[1024], line[LINE_MAX_LEN];
	va_list args;
	size_t len;

	if (!log_wants(level))
		return;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	len = format(line, level, text);
	/* in one piece, so that lines of several threads do not mix */
	if (waiting.running)
		enqueue(line, len);
	else
		write_all(line, len);
}

void log_flatten(char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
			text[i] = '?';
}
