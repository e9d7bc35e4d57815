/* SPDX-License-Identifier: MIT */
/* The files of egressctl/dashboard/, as they are. Generated at build. */
#ifndef EGRESSD_EGRESSCTL_DASHBOARD_PAGES_H
#define EGRESSD_EGRESSCTL_DASHBOARD_PAGES_H

#include <stddef.h>

struct dashboard_page {
    const char *path; /* "/style.css" */
    const char *type; /* "text/css" */
    const unsigned char *bytes;
    size_t size;
};

extern const struct dashboard_page dashboard_pages[];
extern const size_t dashboard_page_count;

#endif
