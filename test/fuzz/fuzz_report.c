/* SPDX-License-Identifier: MIT */
/* What a daemon says of its start before it lives or dies, as it comes over the pipe: whatever it
 * is, nobody is told that all is well unless that was said, whole; what is read is what was sent.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "run/report.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Through a pipe, as bytes that end when the writer does. */
static void pass(const uint8_t *bytes, size_t size, struct report *ret_report)
{
    int ends[2];

    if (pipe(ends) < 0 || write(ends[1], bytes, size) != (ssize_t)size)
        abort();
    close(ends[1]);
    report_hear(ends[0], ret_report);
    close(ends[0]);
}

static void send_and_check(int code, const char *text)
{
    struct report report;
    const char *read_text;
    int ends[2], read_code;

    if (pipe(ends) < 0)
        abort();
    report_send(ends[1], code, text);
    report_hear(ends[0], &report);
    close(ends[0]);
    assert(report_read(&report, &read_code, &read_text) == 0);
    assert(read_code == code);
    assert(strncmp(text, read_text, strlen(read_text)) == 0);
    assert(strlen(read_text) == strlen(text) || report.size == REPORT_SIZE - 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct report report;
    const char *text;
    int code = -1;

    if (size > 2 * REPORT_SIZE) /* a pipe holds more, but nobody says it */
        return 0;
    pass(data, size, &report);
    assert(report.size < REPORT_SIZE && report.bytes[report.size] == '\0');
    if (report_read(&report, &code, &text) < 0)
        return 0;
    assert(code >= 0 && code <= 255);
    assert(code != 0 || data[0] == '0');
    assert(text > report.bytes && text < report.bytes + report.size);
    assert(text + strlen(text) == report.bytes + report.size);
    send_and_check(code, text);
    return 0;
}
