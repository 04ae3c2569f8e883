/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MIME_H
#define MIME_H

/* The Content-Type for a file of this name. */
const char *mime_type(const char *name);

#endif
