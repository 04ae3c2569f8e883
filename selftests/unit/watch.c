// SPDX-License-Identifier: GPL-2.0-or-later
/* helper/watch.c: files that change, and those that are another because a link is. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "place.h"
#include "watch.h"
#include "tap.h"

static struct watch *watch_one(const char *path, const char **missing)
{
	struct conf conf = { 0 };
	struct watch *watch;

	if (string_list_add(&conf.files, path))
		abort();
	watch = watch_new(&conf, missing);
	if (!watch)
		abort();
	if (*missing)
		*missing = "one";	/* conf's own */
	string_list_free(&conf.files);
	return watch;
}

static bool notices(struct watch *watch)
{
	struct pollfd p = { .fd = watch_fd(watch), .events = POLLIN };

	return poll(&p, 1, 0) > 0 && watch_happened(watch);
}

static void link_to(const char *target, const char *name)
{
	if (symlink(target, path_of("new")) || rename(path_of("new"), path_of(name)))
		abort();
}

static void touched(const char *path, const char *what)
{
	const char *missing;
	struct watch *watch = watch_one(path_of(path), &missing);

	ok(!missing && !notices(watch), "%s: nothing yet", what);
	write_file("beside", "x");
	ok(!notices(watch), "%s: what is beside it is another's", what);
	write_file("v1/cert", "one");
	ok(notices(watch), "%s: it is written", what);
	write_file("v1/new", "two");
	if (rename(path_of("v1/new"), path_of("v1/cert")))
		abort();
	ok(notices(watch), "%s: it is replaced", what);
	watch_free(watch);
}

static void switched(const char *path, const char *name, const char *target, const char *what)
{
	const char *missing;
	struct watch *watch = watch_one(path_of(path), &missing);

	link_to(target, name);
	ok(!missing && notices(watch), "%s", what);
	watch_free(watch);
	watch = watch_one(path_of(path), &missing);
	write_file("v2/cert", "three");
	ok(notices(watch), "%s: and what is behind it now", what);
	watch_free(watch);
}

static void odd(void)
{
	const char *missing;
	struct watch *watch;

	link_to("loop", "loop");
	watch = watch_one(path_of("loop/cert"), &missing);
	ok(missing, "a link to itself is no way");
	watch_free(watch);
	link_to("nowhere/cert", "loop");
	watch = watch_one(path_of("loop"), &missing);
	ok(missing, "nor one to nowhere");
	link_to("v2/cert", "loop");
	ok(notices(watch), "but that it leads somewhere is noticed");
	watch_free(watch);
	watch = watch_one("watch.c.that.is.not.there", &missing);
	ok(!missing, "a file that may come, where we are");
	watch_free(watch);
}

int main(void)
{
	char absolute[128];

	if (!mkdtemp(dir) || mkdir(path_of("v1"), 0700) || mkdir(path_of("v2"), 0700))
		return 1;
	write_file("v1/cert", "one");
	write_file("v2/cert", "two");
	link_to("v1", "data");
	link_to("data", "live");
	link_to("live/cert", "cert");
	snprintf(absolute, sizeof(absolute), "%s/v1/../data//cert", dir);
	link_to(absolute, "absolute");
	touched("v1/cert", "a file");
	touched("data/cert", "through a link to its directory");
	touched("cert", "through three links");
	touched("absolute", "through an absolute one");
	switched("cert", "data", "v2", "a link on the way is another");
	link_to("v1", "data");
	switched("absolute", "data", "v2", "likewise, behind an absolute one");
	odd();
	for (const char *const *name = (const char *const []){ "v1/cert", "v2/cert", "v1", "v2", "data", "live",
							       "cert", "absolute", "loop", "beside", NULL }; *name; name++)
		remove(path_of(*name));
	return rmdir(dir) || done_testing();
}
