// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * kseald: completes the TLS handshakes of kseal sockets. Starts the parts in
 * order, gives up privileges, waits for a signal, takes down in mirror order.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "config.h"
#include "log.h"
#include "notify.h"
#include "profiles.h"
#include "sandbox.h"
#include "worker.h"

struct daemon {
	struct config config;
	struct profiles *profiles;
	struct sandbox_user user;
	struct kseal_genl genl[CONFIG_WORKERS_MAX];
	unsigned int n_genl;
	struct worker *workers[CONFIG_WORKERS_MAX];
	unsigned int n_workers;
};

/* All that needs privileges. */
static int register_all(struct daemon *daemon)
{
	char why[512];

	for (; daemon->n_genl < daemon->config.workers; daemon->n_genl++) {
		if (!worker_register(&daemon->genl[daemon->n_genl], why, sizeof(why)))
			continue;
		log_error("%s", why);
		return -1;
	}
	return 0;
}

static int start_all(struct daemon *daemon)
{
	unsigned int i;
	int ret;

	for (; daemon->n_workers < daemon->config.workers; daemon->n_workers++) {
		const struct kseal_genl *genl = &daemon->genl[daemon->n_workers];

		ret = worker_new(&daemon->workers[daemon->n_workers], daemon->profiles,
				 mnl_socket_get_fd(genl->sock), genl->family, false);
		if (ret)
			goto err;
	}
	for (i = 0; i < daemon->n_workers; i++) {
		ret = worker_start(daemon->workers[i]);
		if (ret)
			goto err;
	}
	log_debug("event loop: %s", worker_backend(daemon->workers[0]));
	return 0;

err:
	log_error("worker %u could not be started: %s", daemon->n_workers, strerror(-ret));
	return -1;
}

/* Returns 0, or -1 if a worker had ended by itself. */
static int stop_all(struct daemon *daemon)
{
	int ret = 0;

	while (daemon->n_workers)
		if (worker_stop(daemon->workers[--daemon->n_workers]))
			ret = -1;
	return ret;
}

static void warn_if_open(const char *key)
{
	struct stat st;

	if (!stat(key, &st) && (st.st_mode & S_IRWXO))
		log_warning("%s can be read or written by everybody: chmod o= it", key);
}

static int load(struct daemon *daemon)
{
	struct settings *settings = &daemon->config.settings;
	char why[1024] = "out of memory";
	size_t i;

	for (i = 0; i < settings->n_certs; i++)
		warn_if_open(settings->certs[i].key);
	daemon->profiles = profiles_new();
	if (daemon->profiles && !profiles_load(daemon->profiles, settings, 1, why, sizeof(why)))
		return 0;
	log_error("%s", why);
	return -1;
}

static int run(struct daemon *daemon)
{
	const struct config *config = &daemon->config;
	int ret = -1;
	int notify, signal;
	sigset_t set;

	if (config->user && sandbox_find_user(config->user, &daemon->user))
		return -1;
	/* Blocked in every thread: sigwait() below is the only reader. */
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	pthread_sigmask(SIG_BLOCK, &set, NULL);

	if (register_all(daemon))
		goto out_close;
	notify = notify_open();
	if (sandbox_drop(config->user ? &daemon->user : NULL) || start_all(daemon)) {
		stop_all(daemon);
		goto out_close;
	}
	log_notice("ready, %u worker%s%s", daemon->n_workers, daemon->n_workers == 1 ? "" : "s",
		   profiles_serve(daemon->profiles) ? "" : "; clients only: no certificate (--cert, --key)");
	notify_ready(notify);
	sigwait(&set, &signal);
	ret = stop_all(daemon);

out_close:
	while (daemon->n_genl)
		kseal_genl_close(&daemon->genl[--daemon->n_genl]);
	return ret;
}

int main(int argc, char **argv)
{
	static struct daemon daemon;
	int ret = -1;

	switch (config_parse(&daemon.config, argc, argv)) {
	case CONFIG_EXIT:
		config_free(&daemon.config);
		return EXIT_SUCCESS;
	case CONFIG_WRONG:
		config_free(&daemon.config);
		return 2;
	case CONFIG_RUN:
		break;
	}
	log_init(daemon.config.verbose);
	sandbox_harden();
	if (!daemon.config.check)
		sandbox_lock_memory();
	if (load(&daemon) == 0) {
		if (daemon.config.check) {
			profiles_describe(daemon.profiles, stdout);
			ret = 0;
		} else {
			ret = run(&daemon);
		}
	}
	profiles_free(daemon.profiles);
	config_free(&daemon.config);
	return ret ? EXIT_FAILURE : EXIT_SUCCESS;
}
