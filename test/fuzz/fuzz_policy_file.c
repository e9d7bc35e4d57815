/* SPDX-License-Identifier: MIT */
/* Whatever a file holds: it is refused with a place in it, or it becomes a policy that can be
 * described and whose exact names are allowed. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "devcontainer/policy_object.h"
#include "policy/describe.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_policy(const struct policy_builder *builder)
{
    struct text_error error = {0};
    struct policy *policy;
    size_t count;
    FILE *out;

    if (policy_build(builder, &policy, &error) < 0) {
        assert(error.message[0]);
        return;
    }
    const char *const *names = policy_exact_names(policy, &count);

    for (size_t i = 0; i < count; i++)
        assert(policy_judge_name(policy, names[i]).allowed);
    out = fopen("/dev/null", "we");
    if (!out)
        abort();
    policy_describe(policy, out);
    fclose(out);
    policy_free(policy);
}

static void read_as(struct jsonc *document, enum policy_file_kind kind)
{
    struct policy_builder *builder = policy_builder_new();
    struct text_error error = {0};

    if (policy_file_read(document, kind, "file", builder, &error) == 0)
        check_policy(builder);
    else
        assert(error.message[0] && error.line >= 1 && error.column >= 1);
    policy_builder_free(builder);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct text_error error = {0};
    struct jsonc document;

    if (jsonc_read((const char *)data, size, &document, &error) < 0) {
        assert(error.message[0] && error.line >= 1 && error.column >= 1);
        return 0;
    }
    read_as(&document, policy_file_tell(&document, "file"));
    read_as(&document, POLICY_FILE_DEVCONTAINER);
    jsonc_done(&document);
    return 0;
}
