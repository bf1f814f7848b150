/* Prefers nodes with idle CPU: the example to change into a policy of your own.
 *
 * Every call runs in a fresh copy of this program, and its memory is dropped with it: what is given need not be freed.
 * What is returned must be allocated, since the generated code frees it. */

#include "generated/policy.h"

#include <stdlib.h>

typedef netmarks_policy_types_parameter_t parameter_t;
typedef exports_netmarks_policy_scoring_part_t part_t;
typedef exports_netmarks_policy_scoring_request_t request_t;

/* The columns, in the order of the needs below. */
enum { ALLOCATABLE, REQUESTED, NEEDS };

static policy_string_t text(const char *literal) {
  policy_string_t copy;
  policy_string_dup(&copy, literal);
  return copy;
}

static const double *numbers(const request_t *request, int column) {
  return request->columns.ptr[column].val.numbers.ptr;
}

static double reserve(const request_t *request) { return request->parameters.ptr[0].val.number; }

void exports_netmarks_policy_scoring_describe(exports_netmarks_policy_scoring_description_t *description) {
  /* What the host shall tell: see `needs` in wit/policy.wit for all there is. */
  policy_string_t *needs = malloc(NEEDS * sizeof *needs);
  needs[ALLOCATABLE] = text("node.cpu-allocatable");
  needs[REQUESTED] = text("node.cpu-requested");
  /* What an operator may set. */
  parameter_t *parameters = malloc(sizeof *parameters);
  parameters[0] = (parameter_t){
      .name = text("reserve"),
      .summary = text("Cores to leave idle on every node."),
      .kind = {.tag = NETMARKS_POLICY_TYPES_PARAMETER_KIND_NUMBER,
               .val.number = {.default_ = 0, .minimum = 0, .maximum = 64}},
  };
  *description = (exports_netmarks_policy_scoring_description_t){
      .name = text("{{name}}"),
      .version = text("1.0.0"),
      .summary = text("Prefers nodes with idle CPU."),
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

/* One number per candidate, higher is better, in any unit. */
bool exports_netmarks_policy_scoring_score(request_t *request, policy_list_f64_t *scores, policy_string_t *error) {
  (void)error;
  const double *allocatable = numbers(request, ALLOCATABLE), *requested = numbers(request, REQUESTED);
  *scores = (policy_list_f64_t){malloc(request->candidates * sizeof(double)), request->candidates};
  for (uint32_t node = 0; node < request->candidates; node++) {
    scores->ptr[node] = allocatable[node] - requested[node] - reserve(request);
  }
  return true;
}

/* What one node's score is made of, for people who ask why. */
bool exports_netmarks_policy_scoring_explain(request_t *request, uint32_t node,
                                             exports_netmarks_policy_scoring_list_part_t *parts,
                                             policy_string_t *error) {
  (void)error;
  *parts = (exports_netmarks_policy_scoring_list_part_t){malloc(3 * sizeof(part_t)), 3};
  parts->ptr[0] = (part_t){.label = text("allocatable cores"), .amount = numbers(request, ALLOCATABLE)[node]};
  parts->ptr[1] = (part_t){.label = text("requested cores"), .amount = -numbers(request, REQUESTED)[node]};
  parts->ptr[2] = (part_t){.label = text("reserved cores"), .amount = -reserve(request)};
  return true;
}
