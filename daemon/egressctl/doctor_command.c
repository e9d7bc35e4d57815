/* SPDX-License-Identifier: MIT */
/* doctor: what could undo the protection here, as its caller sees it, and what the
 * daemon says of itself.
 *
 * With --json, in one line: {"ok":true,"findings":[{"id","what","detail","remedy"}]}; detail and
 * remedy may be null. Ids stay; new ones may come: those of doctor/doctor.c, and "not-running",
 * "not-enforcing", "weakness" (what the daemon itself says is weaker here). */
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "control/describe.h"
#include "control/request.h"
#include "doctor/doctor.h"
#include "egressctl/ask.h"
#include "egressctl/client.h"
#include "egressctl/command.h"
#include "egressctl/screen.h"

static void on_finding(void *context, const struct doctor_finding *finding)
{
    json_object_array_add(context, describe_finding(finding));
}

static void add(struct json_object *findings, const char *id, const char *what, const char *detail,
                const char *remedy)
{
    struct json_object *finding = json_object_new_object();

    reply_add_text(finding, "id", id);
    reply_add_text(finding, "what", what);
    reply_add_text(finding, "detail", detail && *detail ? detail : NULL);
    reply_add_text(finding, "remedy", remedy);
    json_object_array_add(findings, finding);
}

/* --- what the daemon says --------------------------------------------------------------------- */

static void add_state(struct json_object *findings, struct json_object *status)
{
    const char *state = screen_text(status, "state"), *reason = screen_text(status, "reason");

    if (ask_where(status))
        add(findings, "not-enforcing", ask_where(status), NULL, NULL);
    if (strcmp(state, "auditing") == 0)
        add(findings, "not-enforcing", "in audit mode nothing is refused", NULL,
            "'egressctl suggest' prints what to allow; then set \"mode\" to \"enforce\"");
    else if (strcmp(state, "enforcing") != 0)
        add(findings, "not-enforcing", "egressd does not enforce the policy",
            *reason ? reason : state, "put right what it says: egressctl status");
}

/* Its findings that we could not have made ourselves; where we could, ours count. */
static void add_findings_of_daemon(struct json_object *findings, struct json_object *theirs)
{
    size_t count = screen_length(theirs);

    for (size_t i = 0; i < count; i++) {
        struct json_object *finding = json_object_array_get_idx(theirs, i);

        if (!doctor_looks_for(DOCTOR_CALLER, screen_text(finding, "id")))
            json_object_array_add(findings, json_object_get(finding));
    }
}

/* Those of the surroundings stand last among the weaknesses: they are findings already. */
static void add_weaknesses(struct json_object *findings, struct json_object *status)
{
    struct json_object *weaknesses = screen_member(status, "weaknesses");
    struct json_object *theirs = screen_member(status, "findings");
    size_t count = screen_length(weaknesses);
    size_t of_surroundings = screen_length(theirs);

    for (size_t i = 0; i + of_surroundings < count; i++)
        add(findings, "weakness", json_object_get_string(json_object_array_get_idx(weaknesses, i)),
            NULL, NULL);
    add_findings_of_daemon(findings, theirs);
}

static void ask_daemon(const char *runtime_dir, struct json_object *findings)
{
    struct json_object *status;

    if (client_ask(runtime_dir, client_request("status"), ASK_TIMEOUT_MS, &status) < 0) {
        add(findings, "not-running", "egressd cannot be reached: perhaps nothing is held back here",
            runtime_dir,
            "read the container's log (docker logs CONTAINER), and see that the Feature's "
            "entrypoint starts it");
        return;
    }
    add_state(findings, status);
    add_weaknesses(findings, status);
    json_object_put(status);
}

/* --- saying it -------------------------------------------------------------------------------- */

static void print_finding(struct json_object *finding)
{
    const char *id = screen_text(finding, "id"), *detail = screen_text(finding, "detail");
    const char *remedy = screen_text(finding, "remedy");
    char *text = xasprintf("%s%s%s%s", screen_text(finding, "what"), *detail ? " (" : "", detail,
                           *detail ? ")" : "");

    screen_print(SCREEN_WARN, "%s", id);
    printf(": ");
    screen_paragraph_from(screen_width(id) + 2, 4, text);
    if (*remedy)
        screen_paragraph_from(printf("    what to do: "), 4, remedy);
    free(text);
}

static void print_findings(struct json_object *reply)
{
    struct json_object *findings = screen_member(reply, "findings");
    size_t count = screen_length(findings);

    for (size_t i = 0; i < count; i++)
        print_finding(screen_item(findings, i));
    if (count == 0)
        screen_print(SCREEN_GOOD, "nothing found that could undo the protection here\n");
}

static int run_doctor(const struct call *call)
{
    struct json_object *reply = reply_new(), *findings = json_object_new_array();
    int r;

    json_object_object_add(reply, "findings", findings);
    ask_daemon(call->runtime_dir, findings);
    doctor_examine(DOCTOR_CALLER, call->caller, on_finding, findings);
    r = json_object_array_length(findings) > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
    show(call, reply);
    json_object_put(reply);
    return r;
}

const struct command doctor_command = {
    .name = "doctor",
    .summary = "what could undo the protection here",
    .description =
        "Looks for what could undo the protection, from where you are: sudo,\n"
        "capabilities, engine sockets, shared namespaces; and says what to do about each.\n",
    .exit_status = "0 nothing found, 1 something found",
    .print = print_findings,
    .run = run_doctor,
};
