/* SPDX-License-Identifier: GPL-2.0-or-later */
/* All that is known of a session. */
#ifndef FACTS_H
#define FACTS_H

#include "print.h"
#include "session.h"

void facts_print(struct print *p, const struct session *s);

#endif
