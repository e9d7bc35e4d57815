/* SPDX-License-Identifier: MIT */
/* The lists of base/seccomp.c, nobody else's. A call is let through if (argument & mask) == value
 * in one of its lines. One list for every architecture and C library: arm64 lacks the OLD_ calls
 * that x86-64 has for old programs, and musl prefers some of those. */
#ifndef EGRESSD_BASE_SECCOMP_CALLS_H
#define EGRESSD_BASE_SECCOMP_CALLS_H

#include <fcntl.h>
#include <linux/sched.h>
#include <net/if.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>

/* The kernel reads the arguments that decide here as ints: the lower half is all there is. */
struct seccomp_line {
    int call;
    uint32_t argument, mask, value;
};

#define EXACTLY UINT32_MAX
#define NAMESPACES                                                                                 \
    (CLONE_NEWCGROUP | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUSER |  \
     CLONE_NEWUTS)

/* clang-format off */
#define CALL(name) {.call = __NR_##name},
#define CALL_IF(name, which, bits, is)                                                             \
    {.call = __NR_##name, .argument = (which), .mask = (bits), .value = (uint32_t)(is)},
#ifdef __x86_64__
#define OLD_CALL(name) CALL(name)
#define OLD_CALL_IF(name, which, bits, is) CALL_IF(name, which, bits, is)
#else
#define OLD_CALL(name)
#define OLD_CALL_IF(name, which, bits, is)
#endif

/* What a daemon does that serves; the most frequent calls come first. */
static const struct seccomp_line seccomp_served[] = {
    /* the loop, and packets */
    OLD_CALL(epoll_wait) CALL(epoll_pwait) CALL(sendto) CALL(recvfrom) CALL(sendmsg) CALL(recvmsg)
    CALL(sendmmsg) CALL(recvmmsg) CALL(epoll_ctl) CALL(clock_gettime) OLD_CALL(poll) CALL(ppoll)
    CALL(getrandom) CALL(read) CALL(write) CALL(readv) CALL(writev) CALL(close)
    /* sockets: upstreams, netlink. The UNIX one is there already. */
    CALL_IF(socket, 0, EXACTLY, AF_INET) CALL_IF(socket, 0, EXACTLY, AF_INET6)
    CALL_IF(socket, 0, EXACTLY, AF_NETLINK)
    CALL(bind) CALL(connect) CALL(listen) CALL(accept4) OLD_CALL(accept) CALL(shutdown)
    CALL(getsockname) CALL(getpeername) CALL(setsockopt) CALL(getsockopt)
    /* descriptors */
    CALL(fcntl) CALL_IF(ioctl, 1, EXACTLY, FIONBIO) CALL_IF(ioctl, 1, EXACTLY, FIOCLEX)
    CALL_IF(ioctl, 1, EXACTLY, FIONREAD) CALL_IF(ioctl, 1, EXACTLY, TCGETS)
    CALL_IF(ioctl, 1, EXACTLY, SIOCGIFNAME) CALL_IF(ioctl, 1, EXACTLY, SIOCGIFINDEX)
    CALL(eventfd2) CALL(pipe2) CALL(epoll_create1) CALL(timerfd_create) CALL(timerfd_settime)
    CALL(dup) CALL(dup3)
    /* memory, but never of code */
    CALL(brk) CALL_IF(mmap, 2, PROT_EXEC, 0) CALL_IF(mprotect, 2, PROT_EXEC, 0) CALL(munmap)
    CALL(mremap) CALL(madvise)
    /* files: the policy, resolv.conf, /proc; the pinned policy and the outline */
    CALL(openat) OLD_CALL(open) CALL(newfstatat) CALL(fstat) OLD_CALL(stat) OLD_CALL(lstat)
    CALL(statx) CALL(statfs) CALL(fstatfs) CALL(lseek) CALL(pread64) CALL(getdents64)
    CALL(readlinkat) OLD_CALL(readlink) CALL(faccessat) OLD_CALL(access) CALL(getcwd)
    CALL(ftruncate) CALL(fdatasync) CALL(fsync) CALL(renameat) CALL(renameat2) OLD_CALL(rename)
    CALL(unlinkat) OLD_CALL(unlink) CALL(fchmod) CALL(flock)
    /* itself; qsort() asks sysinfo how much memory there is */
    CALL(rt_sigaction) CALL(rt_sigprocmask) CALL(rt_sigreturn) CALL(sigaltstack)
    CALL(restart_syscall) CALL(futex) CALL(sched_yield) CALL(sched_getaffinity) CALL(sysinfo)
    CALL(uname) CALL(getpid) CALL(gettid) CALL(getppid) CALL(getuid) CALL(geteuid) CALL(getgid)
    CALL(getegid) CALL(capget) CALL(umask) CALL_IF(prlimit64, 0, EXACTLY, 0) CALL(clock_getres)
    CALL(gettimeofday) CALL(nanosleep) CALL(clock_nanosleep) OLD_CALL(time) CALL(exit)
    CALL(exit_group)
};

/* What is needed besides to come so far, and to start a daemon again. */
static const struct seccomp_line seccomp_started[] = {
    CALL_IF(clone, 0, NAMESPACES, 0) OLD_CALL(fork) CALL(set_robust_list) CALL(set_tid_address)
    CALL(rseq) CALL(wait4) CALL(waitid) CALL(kill) CALL(tgkill) CALL(rt_sigtimedwait) CALL(setsid)
    OLD_CALL(dup2) OLD_CALL(pipe)
    /* to give up what is left of power */
    CALL(capset) CALL(prctl) CALL(seccomp)
    /* to see the workspace as its user does */
    CALL(setfsuid) CALL(setfsgid)
    /* the control socket, and the one to the witness */
    CALL_IF(socket, 0, EXACTLY, AF_UNIX) CALL_IF(socketpair, 0, EXACTLY, AF_UNIX) CALL(fchmodat) OLD_CALL(chmod)
};

/* What a witness does that looks. Files to read alone, and the one socket that is there. */
static const struct seccomp_line seccomp_looked[] = {
    CALL(recvfrom) CALL(sendto) CALL(read) CALL(close) CALL(getdents64) CALL(readlinkat)
    CALL_IF(openat, 2, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY)
    OLD_CALL_IF(open, 1, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY)
    CALL(fstat) CALL(newfstatat) CALL(fcntl) CALL(lseek) CALL(setfsuid) CALL(setfsgid)
    CALL(geteuid) CALL(getegid) CALL(clock_gettime) CALL(brk) CALL_IF(mmap, 2, PROT_EXEC, 0)
    CALL_IF(mprotect, 2, PROT_EXEC, 0) CALL(munmap) CALL(mremap) CALL(madvise) CALL(sysinfo)
    CALL(futex) CALL(getpid) CALL(gettid) CALL(rt_sigaction) CALL(rt_sigprocmask) CALL(rt_sigreturn)
    CALL(sigaltstack) CALL(restart_syscall) CALL(exit_group)
};

#ifdef __SANITIZE_ADDRESS__
/* LeakSanitizer looks at the process as it ends, from a thread that traces it. Never part of what is
 * shipped. */
static const struct seccomp_line seccomp_sanitized[] = {
    CALL(clone) CALL(clone3) CALL(ptrace) CALL(prctl) CALL(wait4) CALL(kill) CALL(tgkill) CALL(mmap)
    CALL(mprotect) CALL(set_robust_list) CALL(rseq) CALL(prlimit64)
    OLD_CALL(arch_prctl) OLD_CALL(getdents)
    OLD_CALL(dup2) OLD_CALL(pipe)
};
#endif

/* Libraries try these first and do without. socket: if_nametoindex, which takes an internet one
 * then; io_uring: libuv from 1.45 on. */
static const struct seccomp_line seccomp_not_there[] = {
    CALL(socket) CALL(io_uring_setup) CALL(clone3) CALL(faccessat2) CALL(epoll_pwait2) CALL(openat2)
    CALL(close_range) CALL(prctl)
};
/* clang-format on */

#endif
