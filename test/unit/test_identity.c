/* SPDX-License-Identifier: MIT */
#include "devcontainer/identity.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "devcontainer/sha256.h"

#define COUNT_OF(array) (int)(sizeof(array) / sizeof((array)[0]))

/* FIPS 180-4's own examples, and the lengths around a block's end. */
static const struct {
    const char *unit;
    size_t times;
    const char *digest;
} digests[] = {
    {"", 0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {"abc", 1, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1,
     "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    {"a", 55, "9f4390f8d30c2dd92ec9f095b65e2b9ae9b0a925a5258e241c9f1e910f734318"},
    {"a", 56, "b35439a4ac6f0948b6d6f9e3c6af0f5f590ce20f1bde7090ef7970686ec6738a"},
    {"a", 64, "ffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb"},
    {"a", 1000000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"},
};

START_TEST(digest_is_right)
{
    size_t length = strlen(digests[_i].unit), size = length * digests[_i].times;
    char *bytes = malloc(size + 1), text[2 * SHA256_SIZE + 1];
    uint8_t digest[SHA256_SIZE];

    ck_assert_ptr_nonnull(bytes);
    for (size_t i = 0; i < digests[_i].times; i++)
        memcpy(bytes + i * length, digests[_i].unit, length);
    sha256(bytes, size, digest);
    for (size_t i = 0; i < SHA256_SIZE; i++)
        snprintf(text + 2 * i, 3, "%02x", digest[i]);
    ck_assert_str_eq(text, digests[_i].digest);
    free(bytes);
}
END_TEST

/* Worked out by the formula in devcontainers/cli. */
static const struct {
    const char *config_file, *local_folder, *id;
} identities[] = {
    {"/home/user/project/.devcontainer/devcontainer.json", "/home/user/project",
     "0ns9efvs2cg80a2avksvk7nqv06jrab7n2918j79h49700ucligl"},
    {"/home/user/my \"p\"\\x/\xc3\xa9/.devcontainer.json", "/home/user/my \"p\"\\x/\xc3\xa9",
     "0pb059hkrjagoamn0cvb8j9t51hdb19rjq5citidnvjmhucdphkl"},
    {"/a\tb\x01/.devcontainer/x/devcontainer.json", "/a\tb\x01",
     "06jjecs60buaipmoban255ke63ap36fc7soohgdce7i0dc4vmpvc"},
};

START_TEST(identity_is_that_of_the_tools)
{
    char id[IDENTITY_TEXT_SIZE];

    identity_compute(identities[_i].config_file, identities[_i].local_folder, id);
    ck_assert_str_eq(id, identities[_i].id);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("identity");
    TCase *tests = tcase_create("identity");
    SRunner *runner = srunner_create(suite);
    int failed;

    suite_add_tcase(suite, tests);
    tcase_add_loop_test(tests, digest_is_right, 0, COUNT_OF(digests));
    tcase_add_loop_test(tests, identity_is_that_of_the_tools, 0, COUNT_OF(identities));
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
