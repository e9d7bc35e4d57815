/* SPDX-License-Identifier: MIT */
/* Loaded with LD_PRELOAD into an egressd that valgrind runs, to give it its own name back. (Of the
 * filter of system calls, which would end valgrind, the daemon hears from valgrind that this kernel
 * has none.) */
#include <sys/prctl.h>

__attribute__((constructor)) static void take_name(void)
{
    prctl(PR_SET_NAME, "egressd");
}
