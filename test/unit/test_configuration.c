/* SPDX-License-Identifier: MIT */
/* Each test in a root of its own: a folder that holds the container's /etc, /workspaces, /proc. */
#include "devcontainer/configuration.h"

#include <check.h>
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "devcontainer/identity.h"

#define PATH_SIZE 512
#define LITERAL "${containerWorkspaceFolder}"

static char root[] = "/tmp/egressd-test-XXXXXX";
static char state_dir[PATH_SIZE], workspace[PATH_SIZE];
static struct configuration configuration;
static struct configuration_error error;

static const char *path_of(const char *name)
{
    static char paths[4][PATH_SIZE];
    static unsigned next;
    char *path = paths[next++ % 4];

    snprintf(path, PATH_SIZE, "%s%s", root, name);
    return path;
}

static void make_folders(const char *path)
{
    char copy[PATH_SIZE];

    snprintf(copy, sizeof(copy), "%s", path);
    for (char *slash = strchr(copy + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(copy, 0755);
        *slash = '/';
    }
}

static void write_bytes(const char *name, const void *bytes, size_t size)
{
    const char *path = path_of(name);
    FILE *file;

    make_folders(path);
    file = fopen(path, "we");
    ck_assert_msg(file != NULL, "%s", path);
    ck_assert_uint_eq(fwrite(bytes, 1, size, file), size);
    fclose(file);
}

static void write_file(const char *name, const char *text)
{
    write_bytes(name, text, strlen(text));
}

/* A devcontainer.json that allows this entry. */
static void write_devcontainer(const char *name, const char *entry)
{
    char text[512];

    snprintf(text, sizeof(text),
             "{ // one\n \"customizations\": { \"egressd\": { \"allow\": [\"%s\"] } } }", entry);
    write_file(name, text);
}

static void set_up(void)
{
    memcpy(root + strlen(root) - 6, "XXXXXX", 6);
    ck_assert_ptr_nonnull(mkdtemp(root));
    ck_assert_int_eq(chmod(root, 0755), 0); /* for whoever owns the workspace */
    snprintf(state_dir, sizeof(state_dir), "%s/state", root);
    snprintf(workspace, sizeof(workspace), "%s/workspaces/p", root);
    ck_assert_int_eq(mkdir(state_dir, 0755), 0);
    memset(&configuration, 0, sizeof(configuration));
    memset(&error, 0, sizeof(error));
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *ftw)
{
    (void)status;
    (void)type;
    (void)ftw;
    return remove(path);
}

static void tear_down(void)
{
    configuration_done(&configuration);
    nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static struct configuration_request request_for(const char *workspace_argument)
{
    return (struct configuration_request){
        .workspace = workspace_argument,
        .local_workspace = "/home/u/p",
        .devcontainer_id = "${devcontainerId}",
        .state_dir = state_dir,
        .is_first_start = true,
        .root = root,
    };
}

static void read_it(const struct configuration_request *request)
{
    configuration_done(&configuration);
    ck_assert_msg(configuration_read(request, &configuration, &error) == 0, "%s: %s", error.file,
                  error.text.message);
}

static void refuse_it(const struct configuration_request *request, const char *message)
{
    struct configuration untouched = {0};

    ck_assert_int_eq(configuration_read(request, &untouched, &error), -EINVAL);
    ck_assert_ptr_null(untouched.policy);
    ck_assert_msg(strstr(error.text.message, message), "%s: %s", error.file, error.text.message);
}

static bool is_allowed(const char *name)
{
    return policy_judge_name(configuration.policy, name).allowed;
}

static void check_file(const char *name)
{
    ck_assert_str_eq(configuration.devcontainer_file, name[0] ? path_of(name) : "");
}

/* --- what is baked ---------------------------------------------------------------------------- */

START_TEST(nothing_at_all_denies_all)
{
    struct configuration_request request = {.root = root, .state_dir = state_dir};
    size_t count;

    read_it(&request);
    policy_entries(configuration.policy, POLICY_ALLOW, &count);
    ck_assert_uint_eq(count, 0);
    check_file("");
    ck_assert(!configuration.pinned);
}
END_TEST

START_TEST(baked_files_make_one_policy)
{
    struct configuration_request request = {.root = root, .state_dir = state_dir};
    const struct entry *entries;
    size_t count;

    write_file("/etc/egressd/policy.json", "{\"allow\":[\"a.test\"]}");
    write_file("/etc/egressd/policy.d/20.json", "{\"allow\":[\"c.test\"]}");
    write_file("/etc/egressd/policy.d/10.json",
               "{\n\"allow\":\n[\"b.test\"],\"deny\":[\"c.test\"]}");
    write_file("/etc/egressd/policy.d/README", "not json");
    write_file("/etc/egressd/policy.d/.hidden.json", "not json");
    read_it(&request);
    ck_assert(is_allowed("a.test") && is_allowed("b.test") && !is_allowed("c.test"));
    entries = policy_entries(configuration.policy, POLICY_ALLOW, &count);
    ck_assert_uint_eq(count, 3);
    ck_assert_str_eq(entries[1].source.file, path_of("/etc/egressd/policy.d/10.json"));
    ck_assert_uint_eq(entries[1].source.line, 3);
    ck_assert_uint_eq(entries[1].source.column, 2);
}
END_TEST

START_TEST(groups_are_read_before_the_policies)
{
    struct configuration_request request = {.root = root, .state_dir = state_dir};
    const struct entry *entries;
    size_t count;

    write_file("/etc/egressd/policy.json", "{\"allow\":[\"@acme\",\"@ghcr\"]}");
    write_file("/etc/egressd/groups.d/acme.group", "a.test:443\n*.b.test\n");
    write_file("/etc/egressd/groups.d/README", "not a group");
    read_it(&request);
    ck_assert(is_allowed("a.test") && is_allowed("x.b.test") && is_allowed("ghcr.io"));
    entries = policy_entries(configuration.policy, POLICY_ALLOW, &count);
    ck_assert_str_eq(entries[0].group, "acme");
    ck_assert_str_eq(entries[0].source.file, path_of("/etc/egressd/policy.json"));
    ck_assert_str_eq(entries[count - 1].group, "ghcr");
}
END_TEST

/* Also one that no policy names: somebody will, and should not be the first to see. */
START_TEST(broken_group_says_where)
{
    struct configuration_request request = {.root = root, .state_dir = state_dir};
    char text[CONFIGURATION_ERROR_TEXT_SIZE], expected[PATH_SIZE];

    write_file("/etc/egressd/groups.d/acme.group", "a.test\n  b.test:0\n");
    refuse_it(&request, "port 0");
    snprintf(expected, sizeof(expected), "%s/etc/egressd/groups.d/acme.group:2:10: 'b.test:0'",
             root);
    configuration_error_format(&error, text);
    ck_assert_msg(strncmp(text, expected, strlen(expected)) == 0, "%s", text);
}
END_TEST

START_TEST(files_of_the_command_line_stand_instead)
{
    const char *file = path_of("/mine.json");
    struct configuration_request request = {
        .policy_files = &file, .policy_file_count = 1, .root = root, .state_dir = state_dir};

    write_file("/etc/egressd/policy.json", "{\"allow\":[\"a.test\"]}");
    write_file("/mine.json", "{\"allow\":[\"b.test\"]}");
    read_it(&request);
    ck_assert(is_allowed("b.test") && !is_allowed("a.test"));
    unlink(file);
    refuse_it(&request, "does not exist");
}
END_TEST

START_TEST(error_says_where)
{
    struct configuration_request request = {.root = root, .state_dir = state_dir};
    char text[CONFIGURATION_ERROR_TEXT_SIZE], expected[PATH_SIZE];

    write_file("/etc/egressd/policy.json", "{\"allow\":[\"a.test\",\n  \"b.test:0\"]}");
    refuse_it(&request, "port 0");
    snprintf(expected, sizeof(expected), "%s/etc/egressd/policy.json:2:11: 'b.test:0'", root);
    configuration_error_format(&error, text);
    ck_assert_msg(strncmp(text, expected, strlen(expected)) == 0, "%s", text);
}
END_TEST

START_TEST(settings_are_strict)
{
    struct configuration_request request = request_for(workspace);

    write_file("/etc/egressd/feature.json", "{\"workspacePolicy\":\"pinned\"}");
    refuse_it(&request, "\"pin\", \"follow\" or \"ignore\"");
    ck_assert_uint_eq(error.text.column, 2);
    write_file("/etc/egressd/feature.json", "{\"workspacePolice\":\"pin\"}");
    refuse_it(&request, "unknown key");
}
END_TEST

/* --- which devcontainer.json
 * ---------------------------------------------------------------------- */

START_TEST(only_candidate_is_taken)
{
    static const char *const names[] = {
        "/workspaces/p/.devcontainer/devcontainer.json",
        "/workspaces/p/.devcontainer.json",
        "/workspaces/p/.devcontainer/x/devcontainer.json",
    };
    struct configuration_request request = request_for(workspace);

    for (size_t i = 0; i < 3; i++) {
        write_devcontainer(names[i], "a.test");
        read_it(&request);
        ck_assert(is_allowed("a.test"));
        check_file(names[i]);
        unlink(path_of(names[i]));
    }
}
END_TEST

START_TEST(several_are_told_apart_by_the_id)
{
    struct configuration_request request = request_for(workspace);
    char id[IDENTITY_TEXT_SIZE];

    write_devcontainer("/workspaces/p/.devcontainer/devcontainer.json", "a.test");
    write_devcontainer("/workspaces/p/.devcontainer/x/devcontainer.json", "x.test");
    write_devcontainer("/workspaces/p/.devcontainer/y/devcontainer.json", "y.test");
    identity_compute("/home/u/p/.devcontainer/y/devcontainer.json", "/home/u/p", id);
    request.devcontainer_id = id;
    read_it(&request);
    ck_assert(is_allowed("y.test") && !is_allowed("a.test"));
    ck_assert(strstr(configuration.devcontainer_why, "devcontainerId"));
}
END_TEST

START_TEST(without_the_id_our_feature_decides)
{
    struct configuration_request request = request_for(workspace);

    write_devcontainer("/workspaces/p/.devcontainer/devcontainer.json", "a.test");
    write_file("/workspaces/p/.devcontainer/x/devcontainer.json",
               "{\"features\":{\"ghcr.io/o/other:1\":{},\"ghcr.io/o/egressd/egressd:1\":{}}}");
    read_it(&request);
    check_file("/workspaces/p/.devcontainer/x/devcontainer.json");

    write_file("/workspaces/p/.devcontainer/x/devcontainer.json",
               "{\"features\":{\"ghcr.io/o/egressd/other:1\":{}}}");
    read_it(&request);
    check_file("/workspaces/p/.devcontainer/devcontainer.json");
    ck_assert(strstr(configuration.devcontainer_why, "specification"));
}
END_TEST

START_TEST(without_an_argument_it_is_searched)
{
    struct configuration_request request = request_for(LITERAL);

    write_devcontainer("/workspaces/.codespaces/.devcontainer.json", "bad.test");
    write_devcontainer("/workspaces/q/.devcontainer.json", "q.test");
    read_it(&request);
    check_file("/workspaces/q/.devcontainer.json");
    unlink(path_of("/workspaces/q/.devcontainer.json"));

    write_devcontainer("/workspace/.devcontainer/devcontainer.json", "w.test");
    request.workspace = "";
    read_it(&request);
    check_file("/workspace/.devcontainer/devcontainer.json");
    unlink(path_of("/workspace/.devcontainer/devcontainer.json"));

    write_file("/proc/self/mountinfo",
               "1 2 0:1 / / rw - overlay overlay rw\n"
               "3 1 0:2 / /proc rw - proc proc rw\n"
               "4 1 8:1 /home/u/my\\040p /my\\040p rw - ext4 /dev/sda1 rw\n");
    write_devcontainer("/my p/.devcontainer.json", "m.test");
    read_it(&request);
    check_file("/my p/.devcontainer.json");
}
END_TEST

/* Anywhere else that file may be anybody's. */
START_TEST(merged_file_counts_in_a_codespace_alone)
{
    static const char merged[] = "/workspaces/.codespaces/shared/merged_devcontainer.json";
    struct configuration_request request = request_for(workspace);

    write_devcontainer(merged, "merged.test");
    write_devcontainer("/workspaces/p/.devcontainer.json", "p.test");
    read_it(&request);
    ck_assert(is_allowed("p.test") && !is_allowed("merged.test"));

    request.is_codespace = true;
    read_it(&request);
    ck_assert(is_allowed("merged.test") && !is_allowed("p.test"));
}
END_TEST

START_TEST(option_names_the_file)
{
    struct configuration_request request = request_for(workspace);

    write_devcontainer("/workspaces/p/.devcontainer.json", "p.test");
    write_devcontainer("/workspaces/p/other/dev.json", "other.test");
    write_file("/etc/egressd/feature.json",
               "{\"workspacePolicy\":\"follow\",\"config\":\"other/dev.json\"}");
    read_it(&request);
    ck_assert(is_allowed("other.test") && !is_allowed("p.test"));

    write_file("/etc/egressd/feature.json",
               "{\"workspacePolicy\":\"follow\",\"config\":\"" LITERAL "/other/dev.json\"}");
    request.workspace = LITERAL;
    read_it(&request);
    ck_assert(is_allowed("other.test"));

    unlink(path_of("/workspaces/p/other/dev.json"));
    refuse_it(&request, "\"config\" names it");
}
END_TEST

START_TEST(command_line_names_the_file)
{
    struct configuration_request request = {.root = root, .state_dir = state_dir};

    write_devcontainer("/d.json", "d.test");
    request.devcontainer_file = path_of("/d.json");
    read_it(&request);
    ck_assert(is_allowed("d.test"));
    ck_assert(!configuration.pinned);

    write_devcontainer("/d.json", "e.test");
    read_it(&request);
    ck_assert(is_allowed("e.test") && !is_allowed("d.test"));
    unlink(request.devcontainer_file);
    refuse_it(&request, "is not a file");
}
END_TEST

START_TEST(what_is_no_file_holds_nobody_up)
{
    struct configuration_request request = request_for(workspace);

    write_devcontainer("/workspaces/p/.devcontainer.json", "p.test");
    make_folders(path_of("/workspaces/p/.devcontainer/x"));
    ck_assert_int_eq(mkfifo(path_of("/workspaces/p/.devcontainer/devcontainer.json"), 0644), 0);
    read_it(&request);
    ck_assert(is_allowed("p.test"));

    write_file("/etc/egressd/policy.json.x", "");
    ck_assert_int_eq(mkfifo(path_of("/etc/egressd/policy.json"), 0644), 0);
    refuse_it(&request, "not a regular file");
}
END_TEST

START_TEST(huge_file_is_refused)
{
    struct configuration_request request = request_for(workspace);

    write_devcontainer("/workspaces/p/.devcontainer.json", "p.test");
    ck_assert_int_eq(
        truncate(path_of("/workspaces/p/.devcontainer.json"), CONFIGURATION_FILE_SIZE_MAX + 1), 0);
    refuse_it(&request, "1 MiB");
}
END_TEST

/* --- pinning
 * -------------------------------------------------------------------------------------- */

static void pin_first(const struct configuration_request *request)
{
    write_file("/etc/egressd/feature.json", "{\"workspacePolicy\":\"pin\",\"onFailure\":\"stop\"}");
    write_devcontainer("/workspaces/p/.devcontainer.json", "first.test");
    read_it(request);
    ck_assert(is_allowed("first.test"));
    ck_assert(configuration.pinned && !configuration_is_pending(&configuration));
    check_file("/workspaces/p/.devcontainer.json");
}

static int apply(const struct configuration_request *request)
{
    struct configuration fresh;
    int r = configuration_apply(request, &fresh, &error);

    if (r == 0) {
        configuration_done(&configuration);
        configuration = fresh;
    }
    return r;
}

/* leak: L20 */
START_TEST(later_edit_is_pending_until_applied)
{
    struct configuration_request request = request_for(workspace);
    const struct entry *entries;
    size_t count;

    pin_first(&request);
    read_it(&request);
    ck_assert(configuration.pinned && !configuration_is_pending(&configuration));
    entries = policy_entries(configuration.policy, POLICY_ALLOW, &count);
    ck_assert_str_eq(entries[0].source.file, path_of("/workspaces/p/.devcontainer.json"));
    ck_assert_uint_eq(entries[0].source.line, 2);

    write_devcontainer("/workspaces/p/.devcontainer.json", "second.test");
    read_it(&request);
    ck_assert(is_allowed("first.test") && !is_allowed("second.test"));
    ck_assert(configuration.pinned && configuration_is_pending(&configuration));

    ck_assert_int_eq(apply(&request), 0);
    ck_assert(is_allowed("second.test") && !is_allowed("first.test"));
    ck_assert(configuration.pinned && !configuration_is_pending(&configuration));
    read_it(&request);
    ck_assert(is_allowed("second.test") && !configuration_is_pending(&configuration));
}
END_TEST

/* leak: L20 */
START_TEST(pending_says_what_would_change)
{
    struct configuration_request request = request_for(workspace);

    write_file("/etc/egressd/policy.json", "{\"allow\":[\"baked.test\"]}");
    pin_first(&request);
    write_file("/workspaces/p/.devcontainer.json",
               "{\"customizations\":{\"egressd\":{\"allow\":[\"baked.test\",\"evil.test:22\"],"
               "\"deny\":[\"first.test\"],\"refusal\":\"refused\"}}}");
    configuration_look_for_pending(&request, &configuration);
    ck_assert_str_eq(configuration.pending.added,
                     "allow evil.test 22\ndeny first.test * */udp\nrefusal refused\n");
    ck_assert_str_eq(configuration.pending.removed, "allow first.test 80 443\nrefusal nxdomain\n");
    ck_assert_ptr_null(configuration.pending.error);

    write_devcontainer("/workspaces/p/.devcontainer.json", "evil.test:0");
    configuration_look_for_pending(&request, &configuration);
    ck_assert_ptr_null(configuration.pending.added);
    ck_assert_msg(strstr(configuration.pending.error, "/.devcontainer.json:2:56: 'evil.test:0'"),
                  "%s", configuration.pending.error);

    write_devcontainer("/workspaces/p/.devcontainer.json", "FIRST.test.");
    configuration_look_for_pending(&request, &configuration);
    ck_assert(!configuration_is_pending(&configuration));
}
END_TEST

START_TEST(edit_of_something_else_is_not_pending)
{
    struct configuration_request request = request_for(workspace);

    pin_first(&request);
    write_file("/workspaces/p/.devcontainer.json",
               "{\"name\":\"x\",\"customizations\":{\"egressd\":{\"allow\":[\"first.test\"]}}}");
    read_it(&request);
    ck_assert(!configuration_is_pending(&configuration));
}
END_TEST

START_TEST(broken_edit_changes_nothing)
{
    struct configuration_request request = request_for(workspace);

    pin_first(&request);
    write_file("/workspaces/p/.devcontainer.json", "{");
    read_it(&request);
    ck_assert(is_allowed("first.test") && configuration_is_pending(&configuration));
    ck_assert_int_eq(apply(&request), -EINVAL);
    read_it(&request);
    ck_assert(is_allowed("first.test"));

    unlink(path_of("/workspaces/p/.devcontainer.json"));
    read_it(&request);
    ck_assert(is_allowed("first.test") && configuration_is_pending(&configuration));
}
END_TEST

START_TEST(absence_is_pinned_too)
{
    struct configuration_request request = request_for(workspace);

    write_file("/etc/egressd/feature.json", "{}");
    make_folders(path_of("/workspaces/p/x"));
    read_it(&request);
    ck_assert(configuration.pinned && !configuration_is_pending(&configuration));
    write_devcontainer("/workspaces/p/.devcontainer.json", "late.test");
    read_it(&request);
    ck_assert(!is_allowed("late.test") && configuration_is_pending(&configuration));
}
END_TEST

/* leak: L19 */
START_TEST(file_that_was_missing_is_not_believed_later)
{
    struct configuration_request request = request_for(workspace);

    write_file("/etc/egressd/feature.json", "{\"config\":\"named.json\"}");
    make_folders(path_of("/workspaces/p/x"));
    refuse_it(&request, "\"config\" names it");
    write_devcontainer("/workspaces/p/named.json", "late.test");
    refuse_it(&request, "\"config\" names it");
    request.is_first_start = false;
    refuse_it(&request, "\"config\" names it");
    ck_assert_int_eq(apply(&request), 0);
    ck_assert(is_allowed("late.test"));
}
END_TEST

/* leak: L19 */
START_TEST(first_text_is_pinned_whatever_else_is_wrong)
{
    struct configuration_request request = request_for(workspace);

    write_file("/etc/egressd/feature.json", "{}");
    write_file("/etc/egressd/policy.json", "{\"allow\":[\"no entry\"]}");
    write_devcontainer("/workspaces/p/.devcontainer.json", "first.test");
    refuse_it(&request, "no entry");
    write_file("/etc/egressd/policy.json", "{}");
    write_devcontainer("/workspaces/p/.devcontainer.json", "late.test");
    read_it(&request);
    ck_assert(is_allowed("first.test") && !is_allowed("late.test"));
}
END_TEST

/* Of a start whose state could not be kept, or that was ended before: the workspace has been the
 * agent's meanwhile. */
/* leak: L19 */
START_TEST(nothing_is_pinned_but_at_the_first_start)
{
    struct configuration_request request = request_for(workspace);

    write_file("/etc/egressd/feature.json", "{}");
    write_devcontainer("/workspaces/p/.devcontainer.json", "late.test");
    request.is_first_start = false;
    refuse_it(&request, "not pinned when the container first started");
    refuse_it(&request, "not pinned when the container first started");
    ck_assert_int_eq(apply(&request), 0);
    ck_assert(is_allowed("late.test"));
    read_it(&request);
    ck_assert(is_allowed("late.test") && configuration.pinned);
}
END_TEST

/* A volume for the state's folder lets no rebuild adopt what the agent wrote. */
/* leak: L20 */
START_TEST(pin_outlives_a_rebuild_where_its_folder_does)
{
    struct configuration_request request = request_for(workspace);

    pin_first(&request);
    write_devcontainer("/workspaces/p/.devcontainer.json", "late.test");
    request.is_first_start = true;
    read_it(&request);
    ck_assert(is_allowed("first.test") && !is_allowed("late.test"));
    ck_assert_str_eq(configuration.pending.added, "allow late.test 80 443\n");
}
END_TEST

/* The agent cannot lead past the pin by a file that would be chosen instead. */
START_TEST(pin_stays_whatever_is_found)
{
    struct configuration_request request = request_for(workspace);

    pin_first(&request);
    write_devcontainer("/workspaces/p/.devcontainer/devcontainer.json", "other.test");
    read_it(&request);
    ck_assert(is_allowed("first.test") && !is_allowed("other.test") &&
              configuration_is_pending(&configuration));
}
END_TEST

START_TEST(copy_of_others_is_not_trusted)
{
    struct configuration_request request = request_for(workspace);

    pin_first(&request);
    ck_assert_int_eq(chmod(path_of("/state/workspace.json"), 0666), 0);
    refuse_it(&request, "not trusted");
    write_file("/state/workspace.json", "{}");
    ck_assert_int_eq(chmod(path_of("/state/workspace.json"), 0644), 0);
    refuse_it(&request, "not what egressd wrote");
    ck_assert_int_eq(apply(&request), 0);
    read_it(&request);
    ck_assert(is_allowed("first.test"));
}
END_TEST

START_TEST(what_cannot_be_pinned_does_not_count)
{
    struct configuration_request request = request_for(workspace);

    write_file("/etc/egressd/feature.json", "{}");
    write_devcontainer("/workspaces/p/.devcontainer.json", "first.test");
    request.state_dir = path_of("/nowhere");
    refuse_it(&request, "cannot be pinned");
}
END_TEST

START_TEST(follow_and_ignore)
{
    struct configuration_request request = request_for(workspace);

    pin_first(&request);
    write_devcontainer("/workspaces/p/.devcontainer.json", "second.test");
    write_file("/etc/egressd/feature.json", "{\"workspacePolicy\":\"follow\"}");
    read_it(&request);
    ck_assert(is_allowed("second.test") && !configuration.pinned &&
              !configuration_is_pending(&configuration));

    write_file("/etc/egressd/feature.json", "{\"workspacePolicy\":\"ignore\"}");
    read_it(&request);
    ck_assert(!is_allowed("second.test") && !is_allowed("first.test"));
    check_file("");
}
END_TEST

/* --- what a file may hold
 * ------------------------------------------------------------------------- */

static const struct {
    const char *text;
    unsigned line, column;
    const char *message;
} refused[] = {
    {"{\"alow\":[]}", 1, 2, "did you mean \"allow\""},
    {"{\"allowlist\":[]}", 1, 2, "did you mean \"allow\""},
    {"{\"Deny\":[]}", 1, 2, "did you mean \"deny\""},
    {"{\"upstream\":[]}", 1, 2, "did you mean \"upstreams\""},
    {"{\"firewall\":[]}", 1, 2, "the keys here are \"allow\""},
    {"{\"allow\":\"a.test\"}", 1, 10, "must be an array"},
    {"{\"allow\":null}", 1, 10, "not null"},
    {"{\"allow\":[\n7]}", 2, 1, "not a number"},
    {"{\"allow\":[[\"a.test\"]]}", 1, 11, "not an array"},
    {"{\"allow\":[\"a.test:0\"]}", 1, 19, "1 to 65535"},
    {"{\"allow\":[\"a\\u002etest:0\"]}", 1, 11, "1 to 65535"},
    {"{\"allow\":[\"a.test\\u0000\"]}", 1, 11, "NUL"},
    {"{\"allow\":[{\"hosts\":\"a.test\"}]}", 1, 11, "needs a \"host\""},
    {"{\"allow\":[{\"host\":\"a.test:1\"}]}", 1, 20, "\"ports\""},
    {"{\"allow\":[{\"host\":7}]}", 1, 19, "must be a string"},
    {"{\"allow\":[{\"host\":\"a.test\",\"port\":7}]}", 1, 28, "did you mean \"ports\""},
    {"{\"allow\":[{\"host\":\"a.test\",\"ports\":7}]}", 1, 36, "must be an array"},
    {"{\"allow\":[{\"host\":\"a.test\",\"ports\":[]}]}", 1, 36, "is empty"},
    {"{\"allow\":[{\"host\":\"a.test\",\"ports\":[\"80\",\"x\"]}]}", 1, 43, "a port is"},
    {"{\"allow\":[{\"host\":\"a.test\",\"ports\":[0]}]}", 1, 37, "1 to 65535"},
    {"{\"allow\":[{\"host\":\"a.test\",\"private\":1}]}", 1, 38, "true or false"},
    {"{\"mode\":\"on\"}", 1, 9, "must be \"enforce\" or \"audit\""},
    {"{\"mode\":\"audit\\u0000\"}", 1, 9, "must be \"enforce\" or \"audit\""},
    {"{\"mode\":true}", 1, 9, "must be \"enforce\" or \"audit\""},
    {"{\"refusal\":\"drop\"}", 1, 12, "\"nxdomain\" or \"refused\""},
    {"{\"upstreams\":[\"dns.test\"]}", 1, 15, "address of a DNS server"},
    {"{\"upstreams\":[\"192.0.2.0/24\"]}", 1, 15, "address of a DNS server"},
    {"{\"upstreams\":[\"192.0.2.53:53-54\"]}", 1, 15, "address of a DNS server"},
    {"{\"upstreams\":[7]}", 1, 15, "address of a DNS server"},
    {"{\"image\":\"x\",\"customizations\":[]}", 1, 31, "must be an object"},
    {"{\"customizations\":{\"egressd\":null}}", 1, 30, "not null"},
    {"{\"customizations\":{\"egressd\":\"x\"}}", 1, 30, "not a string"},
    {"{\"customizations\":{\"egressd\":{\"alow\":[]}}}", 1, 31, "did you mean"},
};

START_TEST(policy_object_is_strict)
{
    struct policy_builder *builder = policy_builder_new();

    write_file("/f.json", refused[_i].text);
    ck_assert_int_eq(configuration_read_file(path_of("/f.json"), builder, &error), -EINVAL);
    ck_assert_msg(strstr(error.text.message, refused[_i].message), "%s: %s", refused[_i].text,
                  error.text.message);
    ck_assert_msg(error.text.line == refused[_i].line && error.text.column == refused[_i].column,
                  "%s: %u:%u %s", refused[_i].text, error.text.line, error.text.column,
                  error.text.message);
    policy_builder_free(builder);
}
END_TEST

static const struct {
    const char *name, *text;
    const char *allowed; /* NULL: nothing */
} accepted[] = {
    {"/f.json", "{}", NULL},
    {"/f.json", "{\"allow\":[]}", NULL},
    {"/f.json", "{\"$schema\":\"x\",\"allow\":[\"a.test\",],}", "a.test"},
    {"/f.json", "\xef\xbb\xbf{\"allow\":[\"a.test\"]}", "a.test"},
    {"/f.json", "{\"allow\":[{\"host\":\"a.test\",\"ports\":[443,\"80\"]}]}", "a.test"},
    {"/f.json", "{\"allow\":[\"b.test\"],\"allow\":[\"a.test\"]}", "a.test"},
    {"/f.json", "{\"mode\":\"enforce\",\"refusal\":\"refused\",\"allow\":[\"a.test\"]}", "a.test"},
    {"/f.json", "{\"upstreams\":[\"192.0.2.53\",\"[2001:db8::53]:5353\",\"2001:db8::54\"]}", NULL},
    {"/f.json", "{\"image\":\"x\",\"name\":\"y\"}", NULL},
    {"/devcontainer.json", "{\"name\":\"y\"}", NULL},
    {"/f.json", "{\"customizations\":{\"vscode\":{},\"egressd\":{\"allow\":[\"a.test\"]}}}",
     "a.test"},
    {"/f.json", "{\"customizations\":{\"egressd\":[{\"deny\":[]},{\"allow\":[\"a.test\"]}]}}",
     "a.test"},
};

START_TEST(policy_object_is_read)
{
    struct policy_builder *builder = policy_builder_new();
    size_t count;

    write_file(accepted[_i].name, accepted[_i].text);
    ck_assert_msg(configuration_read_file(path_of(accepted[_i].name), builder, &error) == 0,
                  "%s: %s", accepted[_i].text, error.text.message);
    ck_assert_int_eq(policy_build(builder, &configuration.policy, &error.text), 0);
    policy_entries(configuration.policy, POLICY_ALLOW, &count);
    ck_assert_uint_eq(count, accepted[_i].allowed ? 1 : 0);
    if (accepted[_i].allowed)
        ck_assert(is_allowed(accepted[_i].allowed));
    policy_builder_free(builder);
}
END_TEST

/* Places are found in one pass: many entries must not take the square of their number. */
START_TEST(many_entries_are_read_at_once)
{
    struct policy_builder *builder = policy_builder_new();
    size_t size = 32 + 20 * (size_t)POLICY_ENTRIES_MAX, used, count;
    char *text = malloc(size);

    ck_assert_ptr_nonnull(text);
    used = (size_t)snprintf(text, size, "{\"allow\":[");
    for (int i = 0; i < POLICY_ENTRIES_MAX; i++)
        used += (size_t)snprintf(text + used, size - used, "\"h%05d.test\",\n", i);
    used += (size_t)snprintf(text + used, size - used, "]}");
    write_bytes("/f.json", text, used);
    free(text);
    ck_assert_int_eq(configuration_read_file(path_of("/f.json"), builder, &error), 0);
    ck_assert_int_eq(policy_build(builder, &configuration.policy, &error.text), 0);
    ck_assert_uint_eq(
        policy_entries(configuration.policy, POLICY_ALLOW, &count)[count - 1].source.line,
        POLICY_ENTRIES_MAX);
    policy_builder_free(builder);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("configuration");
    TCase *tests = tcase_create("configuration");
    SRunner *runner = srunner_create(suite);
    int failed;

    suite_add_tcase(suite, tests);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, nothing_at_all_denies_all);
    tcase_add_test(tests, baked_files_make_one_policy);
    tcase_add_test(tests, groups_are_read_before_the_policies);
    tcase_add_test(tests, broken_group_says_where);
    tcase_add_test(tests, files_of_the_command_line_stand_instead);
    tcase_add_test(tests, error_says_where);
    tcase_add_test(tests, settings_are_strict);
    tcase_add_test(tests, only_candidate_is_taken);
    tcase_add_test(tests, several_are_told_apart_by_the_id);
    tcase_add_test(tests, without_the_id_our_feature_decides);
    tcase_add_test(tests, without_an_argument_it_is_searched);
    tcase_add_test(tests, merged_file_counts_in_a_codespace_alone);
    tcase_add_test(tests, option_names_the_file);
    tcase_add_test(tests, command_line_names_the_file);
    tcase_add_test(tests, what_is_no_file_holds_nobody_up);
    tcase_add_test(tests, huge_file_is_refused);
    tcase_add_test(tests, later_edit_is_pending_until_applied);
    tcase_add_test(tests, pending_says_what_would_change);
    tcase_add_test(tests, file_that_was_missing_is_not_believed_later);
    tcase_add_test(tests, first_text_is_pinned_whatever_else_is_wrong);
    tcase_add_test(tests, nothing_is_pinned_but_at_the_first_start);
    tcase_add_test(tests, pin_outlives_a_rebuild_where_its_folder_does);
    tcase_add_test(tests, edit_of_something_else_is_not_pending);
    tcase_add_test(tests, broken_edit_changes_nothing);
    tcase_add_test(tests, absence_is_pinned_too);
    tcase_add_test(tests, pin_stays_whatever_is_found);
    tcase_add_test(tests, copy_of_others_is_not_trusted);
    tcase_add_test(tests, what_cannot_be_pinned_does_not_count);
    tcase_add_test(tests, follow_and_ignore);
    tcase_add_loop_test(tests, policy_object_is_strict, 0,
                        (int)(sizeof(refused) / sizeof(refused[0])));
    tcase_add_loop_test(tests, policy_object_is_read, 0,
                        (int)(sizeof(accepted) / sizeof(accepted[0])));
    tcase_add_test(tests, many_entries_are_read_at_once);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
