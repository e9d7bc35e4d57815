/* SPDX-License-Identifier: MIT */
/* What the filter of each stage kills, refuses and lets through, tried for real. That everything
 * the daemon does is let through is for test/network with the release binary. */
/* As it is shipped, without what sanitizers need: undefining says that this is no such build. */
#undef __SANITIZE_ADDRESS__
#include "base/seccomp.c"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define CODE_SIZE 4096

/* Each makes one call, and returns as system calls do. */

static long run_program(void)
{
    char *const none[] = {NULL};

    return execve("/bin/true", none, none);
}

static long run_program_at(void)
{
    char *const none[] = {NULL};

    return syscall(SYS_execveat, AT_FDCWD, "/bin/true", none, none, 0);
}

static long trace_parent(void)
{
    return ptrace(PTRACE_SEIZE, getppid(), NULL, NULL);
}

static long write_into_parent(void)
{
    struct iovec none = {NULL, 0};

    return syscall(SYS_process_vm_writev, getppid(), &none, 1, &none, 1, 0);
}

static long mount_something(void)
{
    return mount("none", "/tmp", "tmpfs", 0, NULL);
}

static long leave_namespaces(void)
{
    return unshare(CLONE_NEWUSER);
}

static long enter_namespace(void)
{
    return setns(-1, 0);
}

static long fork_into_namespace(void)
{
    return syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);
}

static long load_module(void)
{
    return syscall(SYS_finit_module, -1, "", 0);
}

static long load_bpf(void)
{
    return syscall(SYS_bpf, 0, NULL, 0);
}

static long take_descriptor(void)
{
    return syscall(SYS_pidfd_getfd, -1, 0, 0);
}

static long open_by_handle(void)
{
    return syscall(SYS_open_by_handle_at, -1, NULL, 0);
}

static long use_keys(void)
{
    return syscall(SYS_keyctl, 0, 0);
}

static long become_root(void)
{
    return setresuid(0, 0, 0);
}

static long take_capabilities(void)
{
    return syscall(SYS_capset, NULL, NULL);
}

static long give_file_away(void)
{
    return chown("/nonexistent", 0, 0);
}

static long make_device(void)
{
    return mknod("/nonexistent/device", S_IFCHR | 0666, 0);
}

static long fork_process(void)
{
    long pid = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);

    if (pid == 0)
        _exit(0);
    return pid < 0 ? pid : waitpid((pid_t)pid, NULL, 0);
}

static long signal_parent(void)
{
    return kill(getppid(), 0);
}

static long abort_parent(void)
{
    return syscall(SYS_tgkill, getppid(), getppid(), 0);
}

static long signal_itself(void)
{
    return syscall(SYS_tgkill, getpid(), getpid(), 0);
}

static long map_code(void)
{
    void *code = mmap(NULL, CODE_SIZE, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return code == MAP_FAILED ? -1 : 0;
}

static long make_code(void)
{
    void *data = mmap(NULL, CODE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return data == MAP_FAILED ? -1 : mprotect(data, CODE_SIZE, PROT_READ | PROT_EXEC);
}

static long map_data(void)
{
    void *data = mmap(NULL, CODE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return data == MAP_FAILED ? -1 : munmap(data, CODE_SIZE);
}

static long call_of_another_architecture(void)
{
#ifdef __x86_64__
    return syscall(0x40000000 | SYS_getpid); /* x32 */
#else
    return run_program_at();
#endif
}

static long limit_parent(void)
{
    struct rlimit limit;

    return syscall(SYS_prlimit64, getppid(), RLIMIT_CORE, NULL, &limit);
}

static long open_socket(int family)
{
    int fd = socket(family, SOCK_DGRAM, 0);

    return fd < 0 ? -1 : close(fd);
}

static long open_packet_socket(void)
{
    return open_socket(AF_PACKET);
}

static long open_vsock(void)
{
    return open_socket(AF_VSOCK);
}

static long open_unix_socket(void)
{
    return open_socket(AF_UNIX);
}

static long open_ipv4_socket(void)
{
    return open_socket(AF_INET);
}

static long open_ipv6_socket(void)
{
    return open_socket(AF_INET6);
}

static long open_netlink_socket(void)
{
    return open_socket(AF_NETLINK);
}

static long set_up_io_uring(void)
{
    return syscall(SYS_io_uring_setup, 1, NULL);
}

static long name_thread(void)
{
    return prctl(PR_SET_NAME, "other", 0, 0, 0);
}

static long read_limit(void)
{
    struct rlimit limit;

    return getrlimit(RLIMIT_NOFILE, &limit);
}

static long read_file(void)
{
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

    return fd < 0 ? -1 : close(fd);
}

static long open_to_write(void)
{
    int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);

    return fd < 0 ? -1 : close(fd);
}

enum outcome { KILLED, NOT_THERE, DONE };

static const struct {
    const char *name;
    long (*call)(void);
    enum outcome starts, serves, looks;
} cases[] = {
    {"execve", run_program, KILLED, KILLED, KILLED},
    {"execveat", run_program_at, KILLED, KILLED, KILLED},
    {"ptrace", trace_parent, KILLED, KILLED, KILLED},
    {"process_vm_writev", write_into_parent, KILLED, KILLED, KILLED},
    {"mount", mount_something, KILLED, KILLED, KILLED},
    {"unshare", leave_namespaces, KILLED, KILLED, KILLED},
    {"setns", enter_namespace, KILLED, KILLED, KILLED},
    {"clone of a namespace", fork_into_namespace, KILLED, KILLED, KILLED},
    {"finit_module", load_module, KILLED, KILLED, KILLED},
    {"bpf", load_bpf, KILLED, KILLED, KILLED},
    {"pidfd_getfd", take_descriptor, KILLED, KILLED, KILLED},
    {"open_by_handle_at", open_by_handle, KILLED, KILLED, KILLED},
    {"keyctl", use_keys, KILLED, KILLED, KILLED},
    {"setresuid", become_root, KILLED, KILLED, KILLED},
    {"chown", give_file_away, KILLED, KILLED, KILLED},
    {"mknod", make_device, KILLED, KILLED, KILLED},
    {"another architecture", call_of_another_architecture, KILLED, KILLED, KILLED},
    {"mmap of code", map_code, KILLED, KILLED, KILLED},
    {"mprotect to code", make_code, KILLED, KILLED, KILLED},
    {"capset", take_capabilities, DONE, KILLED, KILLED},
    {"fork", fork_process, DONE, KILLED, KILLED},
    {"kill", signal_parent, DONE, KILLED, KILLED},
    {"tgkill of another", abort_parent, DONE, KILLED, KILLED},
    {"tgkill of itself", signal_itself, DONE, DONE, DONE},
    {"prlimit of another", limit_parent, KILLED, KILLED, KILLED},
    {"packet socket", open_packet_socket, NOT_THERE, NOT_THERE, NOT_THERE},
    {"vsock", open_vsock, NOT_THERE, NOT_THERE, NOT_THERE},
    {"UNIX socket", open_unix_socket, DONE, NOT_THERE, NOT_THERE},
    {"io_uring", set_up_io_uring, NOT_THERE, NOT_THERE, NOT_THERE},
    {"prctl", name_thread, DONE, NOT_THERE, NOT_THERE},
    {"mmap of data", map_data, DONE, DONE, DONE},
    {"IPv4 socket", open_ipv4_socket, DONE, DONE, NOT_THERE},
    {"IPv6 socket", open_ipv6_socket, DONE, DONE, NOT_THERE},
    {"netlink socket", open_netlink_socket, DONE, DONE, NOT_THERE},
    {"own limits", read_limit, DONE, DONE, KILLED},
    {"a file", read_file, DONE, DONE, DONE},
    {"a file to write", open_to_write, DONE, DONE, KILLED},
};

#define CASES (sizeof(cases) / sizeof(cases[0]))
#define STAGES 3

enum { EXIT_CALL_DONE, EXIT_CALL_NOT_THERE, EXIT_NO_FILTER };

static int try_call(long (*call)(void), enum seccomp_stage stage)
{
    const struct rlimit none = {0}; /* of core dumps: those of sanitizers are huge */

    if (setrlimit(RLIMIT_CORE, &none) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
        seccomp_install(SECCOMP_STARTS) < 0)
        return EXIT_NO_FILTER;
    if (stage != SECCOMP_STARTS && seccomp_install(stage) < 0)
        return EXIT_NO_FILTER;
    return call() < 0 && errno == ENOSYS ? EXIT_CALL_NOT_THERE : EXIT_CALL_DONE;
}

static enum outcome outcome_of(long (*call)(void), enum seccomp_stage stage)
{
    pid_t child = fork();
    int status;

    if (child == 0)
        _exit(try_call(call, stage));
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    if (WIFSIGNALED(status)) {
        ck_assert_int_eq(WTERMSIG(status), SIGSYS);
        return KILLED;
    }
    ck_assert_int_ne(WEXITSTATUS(status), EXIT_NO_FILTER);
    return WEXITSTATUS(status) == EXIT_CALL_NOT_THERE ? NOT_THERE : DONE;
}

START_TEST(call_ends_as_its_stage_says)
{
    static const enum seccomp_stage stages[] = {SECCOMP_STARTS, SECCOMP_SERVES, SECCOMP_LOOKS};
    size_t number = (size_t)_i / STAGES;
    enum seccomp_stage stage = stages[_i % STAGES];
    const enum outcome expected[] = {cases[number].starts, cases[number].serves,
                                     cases[number].looks};

    if (stage != SECCOMP_STARTS && cases[number].starts == KILLED)
        return; /* a filter only ever narrows the one before */
    ck_assert_msg(outcome_of(cases[number].call, stage) == expected[_i % STAGES], "%s, stage %d",
                  cases[number].name, (int)stage);
}
END_TEST

static long abort_itself(void)
{
    abort();
}

/* An assertion that fails must look like one, not like a forbidden call. */
START_TEST(abort_is_an_abort)
{
    pid_t child = fork();
    int status;

    if (child == 0)
        _exit(try_call(abort_itself, SECCOMP_SERVES));
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFSIGNALED(status));
    ck_assert_int_eq(WTERMSIG(status), SIGABRT);
}
END_TEST

static bool has_seccomp(void)
{
    return prctl(PR_GET_SECCOMP, 0, 0, 0, 0) >= 0;
}

int main(void)
{
    Suite *suite = suite_create("seccomp");
    TCase *tests = tcase_create("seccomp");
    SRunner *runner = srunner_create(suite);
    int failed;

    if (!has_seccomp()) {
        puts("skipped: this kernel has no seccomp");
        return 77;
    }
    suite_add_tcase(suite, tests);
    tcase_add_loop_test(tests, call_ends_as_its_stage_says, 0, CASES * STAGES);
    tcase_add_test(tests, abort_is_an_abort);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
