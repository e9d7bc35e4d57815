/* SPDX-License-Identifier: MIT */
/* The reply to `metrics`: {"text": TEXT}, in the format of OpenMetrics 1.0, ended by "# EOF". Names
 * stay; new ones may come. Since the daemon started:
 *
 *   egressd_build_info{version}                  1
 *   egressd_state{egressd_state}                 stateset: the states of view.h
 *   egressd_audit                                1 in audit mode, else 0
 *   egressd_state_age_seconds                    since the state began
 *   egressd_table_verified_age_seconds           since the kernel's table was last found right
 *   egressd_leases, egressd_entries{list}        addresses that are open now; of the policy
 *   egressd_weaknesses                           what makes less of the promise
 *   egressd_table_restored_total                 somebody else changed it, and it was put back
 *   egressd_refusals_total{kind,verdict}         packets and questions, refused or would-refuse
 *   egressd_packets_untold_total                 refused packets that the kernel did not tell
 *   egressd_log_lines_forgotten_total            lines that 'egressctl log' no longer shows
 *   egressd_NAME_total                           for each NAME of "counters" of status.h */
#ifndef EGRESSD_CONTROL_METRICS_H
#define EGRESSD_CONTROL_METRICS_H

struct json_object;
struct view;

struct json_object *metrics_describe(const struct view *view);

#endif
