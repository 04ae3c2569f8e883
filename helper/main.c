// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * kseald: completes the TLS handshakes of kseal sockets. Starts the parts in
 * order, gives up privileges, waits for a signal, takes down in mirror order.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>
#include <openssl/crypto.h>
#include "clock.h"
#include "config.h"
#include "context.h"
#include "files.h"
#include "filter.h"
#include "idle.h"
#include "keeper.h"
#include "loader.h"
#include "log.h"
#include "metrics.h"
#include "notify.h"
#include "opener.h"
#include "profiles.h"
#include "remote.h"
#include "sandbox.h"
#include "watch.h"
#include "worker.h"

#define METRICS_MS	15000	/* between two times that the counters are written */
#define SETTLE_MS	500	/* files seldom change alone: certificate, then key */
#define EXIT_PIN	3	/* not to be started again by itself, see loader_pin_refused() */

struct daemon {
	struct config config;
	struct conf conf;		/* as it was at the start */
	struct profiles *profiles;
	struct sandbox_user user;
	struct opener *opener;		/* NULL: files are read, and watched, here */
	struct watch *watch;		/* NULL: not possible, or the opener's */
	int signals;			/* signalfd(2) */
	int metrics_error;		/* of the last try */
	struct keeper keeper;		/* and with it a signer; all zero: there is none */
	struct kseal_genl genl[CONF_WORKERS_MAX];
	unsigned int n_genl;
	struct worker *workers[CONF_WORKERS_MAX];
	unsigned int n_workers;
};

/* All that needs privileges. */
static int register_all(struct daemon *daemon)
{
	char why[512];

	for (; daemon->n_genl < daemon->conf.workers; daemon->n_genl++) {
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
	int ret = log_start();

	if (ret)
		log_warning("no thread for the log (%s): workers wait for who reads it",
			    strerror(-ret));
	for (; daemon->n_workers < daemon->conf.workers; daemon->n_workers++) {
		const struct kseal_genl *genl = &daemon->genl[daemon->n_workers];

		ret = worker_new(&daemon->workers[daemon->n_workers], daemon->profiles,
				 daemon->conf.handshakes, mnl_socket_get_fd(genl->sock),
				 genl->family, daemon->keeper.workers ?
				 daemon->keeper.workers[daemon->n_workers] : -1, false);
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

/* ---- configuration ---- */

/* Puts the profiles of conf into the place of those that are there. Their settings are
 * taken over; the rest of conf stays.
 */
static int load(struct daemon *daemon, struct conf *conf, char *why, size_t size)
{
	for (size_t i = 0; i < conf->n_profiles; i++)
		for (size_t k = 0; k < conf->profiles[i].n_certs; k++)
			warn_if_open(conf->profiles[i].certs[k].key);
	return profiles_load(daemon->profiles, conf->profiles, conf->n_profiles, why, size);
}

/* From here on changes are noticed, so what is read afterwards is not too old. */
static void watch_files(struct daemon *daemon, const struct conf *conf)
{
	const char *missing = NULL;

	if (daemon->opener)
		return;
	watch_free(daemon->watch);
	daemon->watch = watch_new(conf, &missing);
	if (!daemon->watch)
		log_warning("files that change cannot be noticed (%s): send SIGHUP after a change",
			    strerror(errno));
	else if (missing)
		log_warning("changes of %s, say, cannot be noticed: send SIGHUP after a change",
			    missing);
}

/* While there is nothing in memory yet that the opener should not have. */
static int find_user(struct daemon *daemon)
{
	const char *user = daemon->conf.user;

	if (!user)
		return 0;
	if (sandbox_find_user(user, &daemon->user))
		return -1;
	if (daemon->user.uid != geteuid())
		daemon->opener = opener_start(&daemon->config, &daemon->user);
	return 0;
}

/* For the keys that are not files. */
static int start_signer(struct daemon *daemon, char *why, size_t size)
{
	snprintf(why, size, "there is no signer for the keys of stores");
	return !conf_has_uri(&daemon->conf) ? 0 :
	       keeper_start(&daemon->keeper, &daemon->config, &daemon->conf) ?:
	       loader_open(daemon->keeper.loader, why, size);
}

/* At the start. */
static int read_all(struct daemon *daemon)
{
	char why[1024] = "out of memory";
	int ret;

	daemon->profiles = profiles_new();
	if (daemon->profiles && !config_read(&daemon->config, &daemon->conf, why, sizeof(why))) {
		log_set_level(daemon->conf.log);
		/* with as few descriptors of ours as can be */
		ret = start_signer(daemon, why, sizeof(why));
		if (!daemon->config.check) {
			if (find_user(daemon))
				return -1;
			watch_files(daemon, &daemon->conf);
		}
		if (!ret && !load(daemon, &daemon->conf, why, sizeof(why)))
			return 0;
	}
	log_error("%s", why);
	return -1;
}

/* ---- counters ---- */

static void write_metrics(struct daemon *daemon)
{
	int ret = daemon->conf.metrics ? metrics_write(daemon->conf.metrics) : 0;

	/* said once: it may be days before somebody looks */
	if (ret && ret != daemon->metrics_error)
		log_error("%s: %s: give metrics a file in a directory that the user %s may write to",
			  daemon->conf.metrics, strerror(-ret), daemon->conf.user ?: "of kseald");
	daemon->metrics_error = ret;
}

/* ---- changes ---- */

/* Handshakes that are under way end with what they began with. */
static void reload(struct daemon *daemon)
{
	struct conf conf;
	char why[1024];
	bool taken = false;

	memset(&conf, 0, sizeof(conf));
	if ((!daemon->opener || !opener_read(daemon->opener, why, sizeof(why))) &&
	    !config_read(&daemon->config, &conf, why, sizeof(why))) {
		/* also if it cannot be taken for what is in one of them */
		watch_files(daemon, &conf);
		loader_read();
		taken = !load(daemon, &conf, why, sizeof(why));
		if (taken)
			log_set_level(conf.log);
	}
	files_forget();
	metrics_reloaded(taken);
	if (taken)
		log_notice("reloaded, %zu profile%s%s", conf.n_profiles,
			   conf.n_profiles == 1 ? "" : "s",
			   conf.workers == daemon->conf.workers &&
			   conf.handshakes == daemon->conf.handshakes ? "" :
			   "; workers and handshakes are those of the start");
	else
		log_error("not reloaded, all is as it was: %s", why);
	conf_free(&conf);
}

/* ---- waiting ---- */

/* What is to be done at a time: ms as of clock_now(), 0 never. */
struct due {
	uint64_t reload, metrics;
};

static int until(const struct due *due)
{
	uint64_t now = clock_now(), next = due->metrics;

	if (due->reload && due->reload < next)
		next = due->reload;
	return next > now ? (int)(next - now) : 0;
}

static void do_what_is_due(struct daemon *daemon, struct due *due)
{
	if (due->reload && due->reload <= clock_now()) {
		due->reload = 0;
		reload(daemon);
	}
	if (due->metrics <= clock_now()) {
		due->metrics = clock_now() + METRICS_MS;
		write_metrics(daemon);
	}
}

static int files_fd(const struct daemon *daemon)
{
	return daemon->opener ? opener_fd(daemon->opener) :
	       daemon->watch ? watch_fd(daemon->watch) : -1;
}

static bool files_changed(struct daemon *daemon)
{
	bool gone, changed;

	if (!daemon->opener)
		return watch_happened(daemon->watch);
	changed = opener_changed(daemon->opener, &gone);
	if (gone) {
		log_error("the process that opens files has ended: a reload reads what %s may, until kseald is restarted",
			  daemon->user.name);
		opener_stop(daemon->opener);
		daemon->opener = NULL;
	}
	return changed || gone;
}

/* Returns when there is to be an end. */
static void wait_for_end(struct daemon *daemon)
{
	struct signalfd_siginfo info;
	struct due due = { 0 };

	for (;;) {
		struct pollfd fds[3] = { { .fd = daemon->signals, .events = POLLIN } };

		do_what_is_due(daemon, &due);
		loader_tend();
		/* which may be another now */
		fds[1].fd = files_fd(daemon);
		fds[1].events = POLLIN;
		fds[2].fd = loader_fd();
		fds[2].events = POLLIN;
		if (poll(fds, 3, until(&due)) <= 0)
			continue;
		if (fds[0].revents & POLLIN &&
		    read(daemon->signals, &info, sizeof(info)) == sizeof(info)) {
			if (info.ssi_signo != SIGHUP)
				return;
			due.reload = clock_now();
			due.metrics = due.reload;
		}
		/* a change waits for others that belong to it, but not for ever */
		if (fds[1].revents && files_changed(daemon) && !due.reload)
			due.reload = clock_now() + SETTLE_MS;
	}
}

static int run(struct daemon *daemon)
{
	const char *user = daemon->conf.user;
	int ret = -1;
	int notify;
	sigset_t set;

	/* Blocked in every thread: they are read from the descriptor alone. */
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	daemon->signals = signalfd(-1, &set, SFD_CLOEXEC);
	if (daemon->signals < 0) {
		log_error("signals cannot be waited for: %s", strerror(errno));
		return -1;
	}

	if (register_all(daemon))
		goto out_close;
	notify = notify_open();
	if (user)
		sandbox_give_runtime_directory(&daemon->user);
	if (sandbox_drop(user ? &daemon->user : NULL) || start_all(daemon)) {
		stop_all(daemon);
		goto out_close;
	}
	filter_install(FILTER_KSEALD);
	if (context_lacks())
		log_info("this OpenSSL (%s) has no %s", OpenSSL_version(OPENSSL_VERSION_STRING),
			 context_lacks());
	log_notice("ready, %u worker%s%s", daemon->n_workers, daemon->n_workers == 1 ? "" : "s",
		   profiles_serve(daemon->profiles) ? "" : "; clients only: no certificate");
	notify_ready(notify);
	wait_for_end(daemon);
	write_metrics(daemon);
	ret = stop_all(daemon);

out_close:
	log_stop();
	while (daemon->n_genl)
		worker_unregister(&daemon->genl[--daemon->n_genl]);
	close(daemon->signals);
	return ret;
}

int main(int argc, char **argv)
{
	static struct daemon daemon;
	int status = EXIT_FAILURE;

	(void)idle_watch();
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
	log_init("kseald");
	sandbox_harden();
	if (!daemon.config.check)
		sandbox_lock_memory();
	if (read_all(&daemon) == 0) {
		if (daemon.config.check) {
			profiles_describe(daemon.profiles, stdout);
			status = EXIT_SUCCESS;
		} else if (!run(&daemon)) {
			status = EXIT_SUCCESS;
		}
	} else if (loader_pin_refused()) {
		status = EXIT_PIN;
	}
	opener_stop(daemon.opener);
	watch_free(daemon.watch);
	profiles_free(daemon.profiles);
	loader_close();
	remote_end();
	keeper_end(&daemon.keeper);
	conf_free(&daemon.conf);
	config_free(&daemon.config);
	return status;
}
