/* SPDX-License-Identifier: MIT */
#include "base/privilege.h"

#include <endian.h>
#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#define CAPABILITY_BITS 64
#define NOBODY 65534 /* of every Linux distribution; owns nothing */
#define BIT_OF(capability) (UINT64_C(1) << (capability))
/* Docker gives its containers DAC_OVERRIDE without the lesser DAC_READ_SEARCH. */
#define READ_ANY_FILE (BIT_OF(CAP_DAC_READ_SEARCH) | BIT_OF(CAP_DAC_OVERRIDE))

/* By system call, not by libcap: two calls are not worth a library. They act on the calling thread,
 * so they come before there is a second one. */
static int read_capabilities(struct __user_cap_data_struct ret_data[static 2])
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};

    return syscall(SYS_capget, &header, ret_data) < 0 ? -errno : 0;
}

static int write_capabilities(const struct __user_cap_data_struct data[static 2])
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};

    return syscall(SYS_capset, &header, data) < 0 ? -errno : 0;
}

bool privilege_has_net_admin(void)
{
    struct __user_cap_data_struct data[2] = {0};

    if (read_capabilities(data) < 0)
        return false;
    return data[CAP_TO_INDEX(CAP_NET_ADMIN)].effective & CAP_TO_MASK(CAP_NET_ADMIN);
}

bool privilege_caller_is_untrusted(void)
{
    return getuid() != 0;
}

/* Without CAP_SETPCAP the bounding set stays, which no_new_privs makes meaningless anyway. */
static int empty_bounding_set(void)
{
    for (unsigned long bit = 0; bit < CAPABILITY_BITS; bit++) {
        if (prctl(PR_CAPBSET_DROP, bit, 0, 0, 0) == 0)
            continue;
        if (errno == EINVAL || errno == EPERM)
            break;
        return -errno;
    }
    return 0;
}

static int become_daemon_user(void)
{
    if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0 || setgroups(0, NULL) < 0 ||
        setresgid(PRIVILEGE_UID, PRIVILEGE_UID, PRIVILEGE_UID) < 0 ||
        setresuid(PRIVILEGE_UID, PRIVILEGE_UID, PRIVILEGE_UID) < 0 ||
        prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) < 0)
        return -errno;
    return 0;
}

/* Capabilities as bits of one number: permitted and effective, both exactly these. */
static int keep_only(uint64_t wanted)
{
    struct __user_cap_data_struct data[2] = {0};
    struct __user_cap_data_struct found[2] = {0};
    int r;

    for (unsigned i = 0; i < 2; i++)
        data[i].permitted = data[i].effective = (uint32_t)(wanted >> 32 * i);
    r = write_capabilities(data);
    if (r == 0)
        r = read_capabilities(found);
    if (r < 0)
        return r;
    return memcmp(data, found, sizeof(data)) == 0 ? 0 : -EPERM;
}

static int clear_ambient_set(void)
{
    return prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 ? -errno : 0;
}

static int close_ways_back(void)
{
    int r = clear_ambient_set();

    if (r == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        r = -errno;
    return r;
}

/* What this process holds is not for others of its user to read or trace, nor for a file. */
static int close_to_tracers(void)
{
    const struct rlimit none = {0};

    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || setrlimit(RLIMIT_CORE, &none) < 0)
        return -errno;
    return 0;
}

int privilege_renounce(void)
{
    int r = keep_only(0);

    return r < 0 ? r : close_ways_back();
}

int privilege_become_nobody(void)
{
    if (geteuid() == 0 && (setgroups(0, NULL) < 0 || setresgid(NOBODY, NOBODY, NOBODY) < 0 ||
                           setresuid(NOBODY, NOBODY, NOBODY) < 0))
        return -errno;
    return privilege_renounce();
}

int privilege_renounce_own(void)
{
    int r = keep_only(0);

    return r < 0 ? r : clear_ambient_set();
}

/* Docker gives its containers DAC_OVERRIDE without the lesser DAC_READ_SEARCH. */
static uint64_t reading_power(uint64_t permitted)
{
    uint64_t lesser = permitted & BIT_OF(CAP_DAC_READ_SEARCH);

    return lesser ? lesser : permitted & BIT_OF(CAP_DAC_OVERRIDE);
}

int privilege_become_daemon(void)
{
    const uint64_t needed = BIT_OF(CAP_NET_ADMIN) | BIT_OF(CAP_SETUID) | BIT_OF(CAP_SETGID);
    struct __user_cap_data_struct data[2] = {0};
    uint64_t permitted;
    int r = read_capabilities(data);

    if (r < 0)
        return r;
    permitted = (uint64_t)data[1].permitted << 32 | data[0].permitted;
    if ((permitted & needed) != needed)
        return -EPERM;
    r = empty_bounding_set();
    if (r == 0)
        r = become_daemon_user();
    if (r == 0)
        r = keep_only(needed | reading_power(permitted));
    if (r == 0)
        r = close_ways_back();
    return r < 0 ? r : close_to_tracers();
}

static uint64_t effective_of(const struct __user_cap_data_struct data[static 2])
{
    return (uint64_t)data[1].effective << 32 | data[0].effective;
}

static int set_effective(struct __user_cap_data_struct data[static 2], uint64_t effective)
{
    for (unsigned i = 0; i < 2; i++)
        data[i].effective = (uint32_t)(effective >> 32 * i);
    return write_capabilities(data);
}

/* The user comes first: whoever becomes user 0 gets the power over files back. */
void privilege_see_as(uid_t uid, gid_t gid)
{
    struct __user_cap_data_struct data[2] = {0};

    if (read_capabilities(data) < 0 || !(effective_of(data) & READ_ANY_FILE))
        return;
    setfsgid(gid);
    setfsuid(uid);
    if (set_effective(data, effective_of(data) & ~READ_ANY_FILE) < 0)
        abort(); /* it only gives up: this cannot fail */
}

void privilege_see_as_self(void)
{
    struct __user_cap_data_struct data[2] = {0};
    uint64_t permitted;

    if (read_capabilities(data) < 0)
        return;
    permitted = (uint64_t)data[1].permitted << 32 | data[0].permitted;
    /* Who serves never saw as anybody else, and may not make these calls any more. */
    if (!(permitted & READ_ANY_FILE))
        return;
    setfsuid(geteuid());
    setfsgid(getegid());
    set_effective(data, permitted);
}

int privilege_drop(void)
{
    return keep_only(BIT_OF(CAP_NET_ADMIN));
}

int privilege_become_witness(void)
{
    return keep_only(BIT_OF(CAP_SETUID) | BIT_OF(CAP_SETGID));
}

int privilege_install_file_capabilities(const char *path)
{
    const uint32_t permitted = CAP_TO_MASK(CAP_NET_ADMIN) | CAP_TO_MASK(CAP_SETUID) |
                               CAP_TO_MASK(CAP_SETGID) | CAP_TO_MASK(CAP_SETPCAP);
    struct vfs_cap_data data = {
        .magic_etc = htole32(VFS_CAP_REVISION_2 | VFS_CAP_FLAGS_EFFECTIVE),
        .data = {{.permitted = htole32(permitted)}},
    };

    return setxattr(path, "security.capability", &data, sizeof(data), 0) < 0 ? -errno : 0;
}
