/* Prefers nodes that run peers, then nodes with idle CPU: the example to change into a policy of your own.
 *
 * Every call runs in a fresh copy of this program, and its memory is dropped with it: what is given need not be freed.
 * What is returned must be allocated, since the generated code frees it. */

#include "generated/policy.h"

#include <stdlib.h>

typedef netmarks_policy_types_parameter_t parameter_t;
typedef exports_netmarks_policy_scoring_part_t part_t;
typedef exports_netmarks_policy_scoring_request_t request_t;

/* The needs in `describe`. The columns have their order, without `peers`. */
enum { ALLOCATABLE, REQUESTED, COLUMNS, NEEDS = COLUMNS + 1, MOST_PARTS = 256 };

static policy_string_t text(const char *literal) {
  policy_string_t copy;
  policy_string_dup(&copy, literal);
  return copy;
}

static const double *numbers(const request_t *request, int column) {
  return request->columns.ptr[column].val.numbers.ptr;
}

/* What a node's idle cores are worth. */
static double idle(const request_t *request, uint32_t node) {
  double cores = numbers(request, ALLOCATABLE)[node] - numbers(request, REQUESTED)[node];
  return request->parameters.ptr[0].val.number * cores;
}

/* Bytes per second to and from a peer. */
static double traffic(const request_t *request, size_t peer) {
  return request->peers.outbound.ptr[peer] + request->peers.inbound.ptr[peer];
}

void exports_netmarks_policy_scoring_describe(exports_netmarks_policy_scoring_description_t *description) {
  /* What the host tells the policy: see `needs` in wit/policy.wit for all there is. */
  policy_string_t *needs = malloc(NEEDS * sizeof *needs);
  needs[ALLOCATABLE] = text("node.cpu-allocatable");
  needs[REQUESTED] = text("node.cpu-requested");
  needs[COLUMNS] = text("peers");
  /* What an operator may set. */
  parameter_t *parameters = malloc(sizeof *parameters);
  parameters[0] = (parameter_t){
      .name = text("idle-core"),
      .summary = text("What an idle core is worth, in bytes per second."),
      .kind = {.tag = NETMARKS_POLICY_TYPES_PARAMETER_KIND_NUMBER,
               .val.number = {.default_ = 100, .minimum = 0, .maximum = 1e9}},
  };
  *description = (exports_netmarks_policy_scoring_description_t){
      .name = text("{{name}}"),
      .version = text("1.0.0"),
      .summary = text("Prefers nodes that run peers, then nodes with idle CPU."),
      .needs = {needs, NEEDS},
      .parameters = {parameters, 1},
  };
}

/* To refuse parameters that make no sense together: set the error and return false. */
bool exports_netmarks_policy_scoring_check(exports_netmarks_policy_scoring_list_value_t *parameters,
                                           policy_string_t *error) {
  (void)parameters, (void)error;
  return true;
}

/* One number per candidate, higher is better, in any unit; here bytes per second. */
bool exports_netmarks_policy_scoring_score(request_t *request, policy_list_f64_t *scores, policy_string_t *error) {
  (void)error;
  const netmarks_policy_types_peers_t *peers = &request->peers;
  *scores = (policy_list_f64_t){malloc(request->candidates * sizeof(double)), request->candidates};
  for (uint32_t node = 0; node < request->candidates; node++) scores->ptr[node] = idle(request, node);
  for (size_t peer = 0; peer < peers->outbound.len; peer++) {
    for (uint32_t at = peers->first.ptr[peer]; at < peers->first.ptr[peer + 1]; at++) {
      scores->ptr[peers->node.ptr[at]] += traffic(request, peer) * peers->pods.ptr[at];
    }
  }
  return true;
}

/* What one node's score is made of, for people who ask why. */
bool exports_netmarks_policy_scoring_explain(request_t *request, uint32_t node,
                                             exports_netmarks_policy_scoring_list_part_t *parts,
                                             policy_string_t *error) {
  (void)error;
  const netmarks_policy_types_peers_t *peers = &request->peers;
  *parts = (exports_netmarks_policy_scoring_list_part_t){malloc(MOST_PARTS * sizeof(part_t)), 0};
  parts->ptr[parts->len++] = (part_t){.label = text("idle cores"), .amount = idle(request, node)};
  for (size_t peer = 0; peer < peers->outbound.len; peer++) {
    for (uint32_t at = peers->first.ptr[peer]; at < peers->first.ptr[peer + 1]; at++) {
      if (peers->node.ptr[at] == node && parts->len < MOST_PARTS) {
        parts->ptr[parts->len++] = (part_t){
            .peer = {.is_some = true, .val = (uint32_t)peer},
            .label = text("traffic"),
            .amount = traffic(request, peer) * peers->pods.ptr[at],
        };
      }
    }
  }
  return true;
}
