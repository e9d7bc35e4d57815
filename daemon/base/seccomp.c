/* SPDX-License-Identifier: MIT */
/* The filter is made here and not by libseccomp: that would add 116 KiB to the static binary, and
 * one more archive to find for each architecture, for what are a list and forty lines. */
#include "base/seccomp.h"

#include <assert.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <unistd.h>

#include "base/seccomp_calls.h"

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__) && defined(__AARCH64EL__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#else
#define ARCHITECTURE 0 /* nobody has looked which calls are made there */
#endif

#define INSTRUCTIONS_MAX 1024
#define IS_EQUAL (BPF_JMP | BPF_JEQ | BPF_K)

struct program {
    struct sock_filter code[INSTRUCTIONS_MAX];
    unsigned short size;
};

static void append(struct program *program, uint16_t code, uint8_t skip_if_true,
                   uint8_t skip_if_false, uint32_t value)
{
    assert(program->size < INSTRUCTIONS_MAX);
    program->code[program->size++] = (struct sock_filter){code, skip_if_true, skip_if_false, value};
}

static void append_load(struct program *program, size_t offset)
{
    append(program, BPF_LD | BPF_W | BPF_ABS, 0, 0, (uint32_t)offset);
}

static void append_return(struct program *program, uint32_t action)
{
    append(program, BPF_RET | BPF_K, 0, 0, action);
}

/* Expects the number of the call to be loaded, and leaves it so. */
static void append_line(struct program *program, const struct seccomp_line *line, uint32_t action)
{
    if (line->mask == 0) {
        append(program, IS_EQUAL, 0, 1, (uint32_t)line->call);
        append_return(program, action);
        return;
    }
    append(program, IS_EQUAL, 0, 5, (uint32_t)line->call);
    append_load(program, offsetof(struct seccomp_data, args) + line->argument * sizeof(uint64_t));
    append(program, BPF_ALU | BPF_AND | BPF_K, 0, 0, line->mask);
    append(program, IS_EQUAL, 0, 1, line->value);
    append_return(program, action);
    append_load(program, offsetof(struct seccomp_data, nr));
}

static void append_lines(struct program *program, const struct seccomp_line *lines, size_t count,
                         uint32_t action)
{
    for (size_t i = 0; i < count; i++)
        append_line(program, &lines[i], action);
}

#define APPEND_LINES(program, lines, action)                                                       \
    append_lines(program, lines, sizeof(lines) / sizeof((lines)[0]), action)

static void build(struct program *program, enum seccomp_stage stage)
{
    /* abort() */
    const struct seccomp_line own_signal = {__NR_tgkill, 0, EXACTLY, (uint32_t)getpid()};

    append_load(program, offsetof(struct seccomp_data, arch));
    append(program, IS_EQUAL, 1, 0, ARCHITECTURE);
    append_return(program, SECCOMP_RET_KILL_PROCESS);
    append_load(program, offsetof(struct seccomp_data, nr));

    if (stage == SECCOMP_LOOKS)
        APPEND_LINES(program, seccomp_looked, SECCOMP_RET_ALLOW);
    else
        APPEND_LINES(program, seccomp_served, SECCOMP_RET_ALLOW);
    if (stage == SECCOMP_STARTS)
        APPEND_LINES(program, seccomp_started, SECCOMP_RET_ALLOW);
    else
        append_line(program, &own_signal, SECCOMP_RET_ALLOW);
#ifdef __SANITIZE_ADDRESS__
    APPEND_LINES(program, seccomp_sanitized, SECCOMP_RET_ALLOW);
#endif
    APPEND_LINES(program, seccomp_not_there, SECCOMP_RET_ERRNO | ENOSYS);
    append_return(program, SECCOMP_RET_KILL_PROCESS);
}

int seccomp_install(enum seccomp_stage stage)
{
    struct program program = {.size = 0};
    struct sock_fprog handed;

    if (ARCHITECTURE == 0)
        return -ENOSYS;
    build(&program, stage);
    handed = (struct sock_fprog){.len = program.size, .filter = program.code};
    return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &handed) < 0 ? -errno : 0;
}
