// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The keeper; see keeper.h. From above: what it takes from itself, the signer's life,
 * kseald's side.
 */
#include <errno.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "clock.h"
#include "filter.h"
#include "keeper.h"
#include "log.h"
#include "sandbox.h"
#include "sign.h"
#include "signer.h"

#define BUFFER		(1024 * 1024)	/* bytes, each way of each socket */
#define WAIT_MIN_MS	100		/* before the next signer; each time twice as long, */
#define WAIT_MAX_MS	30000
#define WAIT_FORGET_MS	60000		/* unless the last one lived so long */
#define END_MS		3000		/* for the signer to end by itself */

struct keeping {
	const struct config *config;
	struct conf *conf;
	int loader;			/* the signer's ends */
	int *workers;
	unsigned int n_workers;
	int signals;			/* SIGCHLD */
	pid_t signer;
};

/* ---- what it takes from itself ---- */

/* With the groups of that user: tokens and the daemons of readers are often a group's. */
static int become(const char *name)
{
	const struct passwd *pw = getpwnam(name);

	if (!pw) {
		log_error("signer-user %s: there is no such user: create it, or leave the option out",
			  name);
		return -1;
	}
	if (geteuid() == pw->pw_uid && getuid() == pw->pw_uid && getegid() == pw->pw_gid)
		return 0;
	if (initgroups(name, pw->pw_gid) || setresgid(pw->pw_gid, pw->pw_gid, pw->pw_gid) ||
	    setresuid(pw->pw_uid, pw->pw_uid, pw->pw_uid)) {
		log_error("signer-user %s: %s: kseald must be started as root for this", name,
			  strerror(errno));
		return -1;
	}
	return 0;
}

/* Ends with its parent; but not with what is sent to all of a terminal or a service. */
static int tie(pid_t parent)
{
	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL)) {
		log_error("the signer could not be tied to its parent: %s", strerror(errno));
		return -1;
	}
	return getppid() == parent ? 0 : -1;
}

/* ---- the signer's life ---- */

static void __attribute__((noreturn)) be_signer(struct keeping *keeping, pid_t keeper)
{
	const struct signer_setup setup = {
		.config = keeping->config, .conf = keeping->conf, .loader = keeping->loader,
		.workers = keeping->workers, .n_workers = keeping->n_workers,
	};
	sigset_t none;
	int ret;

	close(keeping->signals);
	sigemptyset(&none);
	pthread_sigmask(SIG_SETMASK, &none, NULL);
	prctl(PR_SET_NAME, "kseald-signer");
	if (tie(keeper))
		_exit(EXIT_FAILURE);
	if (!keeping->config->check)
		sandbox_lock_memory();
	filter_install_signer();
	ret = signer_run(&setup);
	free(keeping->workers);
	_exit(ret ? EXIT_FAILURE : EXIT_SUCCESS);
}

static void tell_lost(const struct keeping *keeping)
{
	const struct sign_head head = { .type = SIGN_LOST };

	for (unsigned int i = 0; i <= keeping->n_workers; i++)
		if (send(i < keeping->n_workers ? keeping->workers[i] : keeping->loader, &head,
			 sizeof(head), MSG_NOSIGNAL) < 0 && errno != EPIPE)
			log_error("kseald could not be told that its signer is gone: %s",
				  strerror(errno));
}

/* Until ms have passed (-1: for ever), the signer ends, or kseald; false: that. */
static bool wait_for(struct keeping *keeping, int ms)
{
	struct pollfd fds[2] = { { keeping->loader, 0, 0 }, { keeping->signals, POLLIN, 0 } };

	while (poll(fds, 2, ms) < 0 && errno == EINTR)
		;
	return !fds[0].revents;
}

/* Its status, once it has one; -1: it is still there. */
static int reap(struct keeping *keeping)
{
	struct signalfd_siginfo info;
	int status;

	while (read(keeping->signals, &info, sizeof(info)) == sizeof(info))
		;
	if (waitpid(keeping->signer, &status, WNOHANG) != keeping->signer)
		return -1;
	keeping->signer = 0;
	return status;
}

static void log_death(int status, unsigned int wait)
{
	if (WIFSIGNALED(status))
		log_error("the signer was killed by signal %d (%s); another one begins in %u ms",
			  WTERMSIG(status), strsignal(WTERMSIG(status)), wait);
	else
		log_error("the signer has ended, status %d; another one begins in %u ms",
			  WEXITSTATUS(status), wait);
}

static void keep(struct keeping *keeping)
{
	unsigned int wait = WAIT_MIN_MS;
	pid_t self = getpid();

	for (;;) {
		uint64_t began = clock_now();
		int status = -1;

		keeping->signer = fork();
		if (!keeping->signer)
			be_signer(keeping, self);
		if (keeping->signer < 0)
			log_error("no signer could be started: %s", strerror(errno));
		while (keeping->signer > 0 && status < 0) {
			if (!wait_for(keeping, -1))
				return;
			status = reap(keeping);
		}
		if (clock_now() - began > WAIT_FORGET_MS)
			wait = WAIT_MIN_MS;
		/* kseald may just be ending */
		if (!wait_for(keeping, 0))
			return;
		if (status >= 0)
			log_death(status, wait);
		tell_lost(keeping);
		if (!wait_for(keeping, (int)wait))
			return;
		wait = wait * 2 < WAIT_MAX_MS ? wait * 2 : WAIT_MAX_MS;
	}
}

/* kseald is gone, so it ends by itself, unless a store holds it up. Returns its status. */
static int let_end(struct keeping *keeping)
{
	uint64_t limit = clock_now() + END_MS;
	int status = 0;

	while (keeping->signer > 0 && (status = reap(keeping)) < 0) {
		struct pollfd fd = { keeping->signals, POLLIN, 0 };
		uint64_t now = clock_now();

		if (now >= limit) {
			kill(keeping->signer, SIGKILL);
			waitpid(keeping->signer, &status, 0);
			break;
		}
		poll(&fd, 1, (int)(limit - now));
	}
	return status;
}

static int be_keeper(struct keeping *keeping, pid_t parent)
{
	const char *user = keeping->conf->signer_user ?: keeping->conf->user;
	sigset_t set;

	prctl(PR_SET_NAME, "kseald-keeper");
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	pthread_sigmask(SIG_SETMASK, &set, NULL);
	keeping->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (keeping->signals < 0) {
		log_error("signals cannot be waited for: %s", strerror(errno));
		return -1;
	}
	if ((user && become(user)) || sandbox_drop(NULL) || tie(parent))
		return -1;
	filter_install_keeper();
	keep(keeping);
	return let_end(keeping) ? -1 : 0;
}

/* ---- kseald's side ---- */

static int make_pair(int *ours, int *theirs)
{
	int fds[2], size = BUFFER;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds))
		return -1;
	for (int i = 0; i < 2; i++)
		/* without privileges as much as one may have */
		if (setsockopt(fds[i], SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)))
			setsockopt(fds[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	*ours = fds[0];
	*theirs = fds[1];
	return 0;
}

static void close_all(int loader, int *workers, unsigned int n)
{
	close(loader);
	for (unsigned int i = 0; workers && i < n; i++)
		close(workers[i]);
	free(workers);
}

int keeper_start(struct keeper *keeper, const struct config *config, const struct conf *conf)
{
	/* the keeper's own, as of now */
	struct conf copy = *conf;
	struct keeping keeping = { .config = config, .conf = &copy };
	pid_t parent = getpid();

	memset(keeper, 0, sizeof(*keeper));
	keeper->workers = calloc(conf->workers, sizeof(*keeper->workers));
	keeping.workers = calloc(conf->workers, sizeof(*keeping.workers));
	if (!keeper->workers || !keeping.workers ||
	    make_pair(&keeper->loader, &keeping.loader)) {
		free(keeper->workers);
		free(keeping.workers);
		keeper->workers = NULL;
		goto err;
	}
	for (; keeper->n_workers < conf->workers; keeper->n_workers++) {
		unsigned int i = keeping.n_workers = keeper->n_workers;

		if (make_pair(&keeper->workers[i], &keeping.workers[i]))
			goto err_close;
	}
	keeping.n_workers = conf->workers;
	/* or both would print it */
	fflush(NULL);
	keeper->pid = fork();
	if (!keeper->pid) {
		close_all(keeper->loader, keeper->workers, keeper->n_workers);
		_exit(be_keeper(&keeping, parent) ? EXIT_FAILURE : EXIT_SUCCESS);
	}
	if (keeper->pid < 0)
		goto err_close;
	close_all(keeping.loader, keeping.workers, keeping.n_workers);
	return 0;

err_close:
	close_all(keeping.loader, keeping.workers, keeping.n_workers);
	close_all(keeper->loader, keeper->workers, keeper->n_workers);
	keeper->workers = NULL;
	keeper->pid = 0;
err:
	log_error("the signer could not be started: %s", strerror(errno));
	return -1;
}

int keeper_end(struct keeper *keeper)
{
	int status = 0;

	if (!keeper->workers)
		return 0;
	close_all(keeper->loader, keeper->workers, keeper->n_workers);
	keeper->workers = NULL;
	while (waitpid(keeper->pid, &status, 0) < 0 && errno == EINTR)
		;
	return status ? -1 : 0;
}
