/* SPDX-License-Identifier: MIT */
/* Runs a fuzz target over the files of a corpus folder, each whole and cut short at every length:
 * a reader that trusts a length field fails on one of those. */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INPUT_MAX 65536
#define CUTS_MAX 4096 /* longer inputs are cut short only below this */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A copy of the exact size, so that AddressSanitizer sees the first byte read past it. */
static void run_one(const uint8_t *bytes, size_t size)
{
    uint8_t *copy = malloc(size > 0 ? size : 1);

    if (!copy)
        abort();
    memcpy(copy, bytes, size);
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
}

static int run_file(const char *path)
{
    static uint8_t bytes[INPUT_MAX];
    FILE *file = fopen(path, "rb");

    if (!file)
        return -errno;
    size_t size = fread(bytes, 1, sizeof(bytes), file);
    fclose(file);

    for (size_t cut = 0; cut < size && cut < CUTS_MAX; cut++)
        run_one(bytes, cut);
    run_one(bytes, size);
    return 0;
}

int main(int argc, char **argv)
{
    unsigned files = 0;

    if (argc != 2) {
        fprintf(stderr, "usage: %s CORPUS_FOLDER\n", argv[0]);
        return 64;
    }
    DIR *folder = opendir(argv[1]);
    if (!folder) {
        fprintf(stderr, "%s: %s\n", argv[1], strerror(errno));
        return 1;
    }
    for (struct dirent *entry = readdir(folder); entry; entry = readdir(folder)) {
        char path[4096];

        if (entry->d_name[0] == '.')
            continue;
        int length = snprintf(path, sizeof(path), "%s/%s", argv[1], entry->d_name);
        if (length < 0 || (size_t)length >= sizeof(path) || run_file(path) < 0) {
            fprintf(stderr, "cannot read %s/%s\n", argv[1], entry->d_name);
            closedir(folder);
            return 1;
        }
        files++;
    }
    closedir(folder);
    printf("%u inputs replayed\n", files);
    return files > 0 ? 0 : 1; /* a target without a corpus tests nothing */
}
