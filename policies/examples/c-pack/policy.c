/* Packs pods onto the nodes that are fullest already, so that others become empty and can be removed.
 *
 *     score = (requested + the pod's request) / allocatable, of the CPU, of the memory, or the larger of the two
 *
 * A node without capacity, or on which the pod does not fit, scores -1. */

#include "generated/policy.h"

#include <stdlib.h>
#include <string.h>

typedef netmarks_policy_types_parameter_t parameter_t;
typedef exports_netmarks_policy_scoring_part_t part_t;
typedef exports_netmarks_policy_scoring_request_t request_t;

/* The columns, in the order of the needs. */
enum {
  CPU_ALLOCATABLE,
  CPU_REQUESTED,
  MEMORY_ALLOCATABLE,
  MEMORY_REQUESTED,
  POD_CPU,
  POD_MEMORY,
  NEEDS
};

static const char *const NAMES[NEEDS] = {
    "node.cpu-allocatable",  "node.cpu-requested", "node.memory-allocatable",
    "node.memory-requested", "pod.cpu-request",    "pod.memory-request",
};

static const char *const RESOURCES[] = {"larger", "cpu", "memory"};
enum { RESOURCE_COUNT = sizeof RESOURCES / sizeof *RESOURCES };

static policy_string_t text(const char *literal) {
  policy_string_t copy;
  policy_string_dup(&copy, literal);
  return copy;
}

static const double *numbers(const request_t *request, int column) {
  return request->columns.ptr[column].val.numbers.ptr;
}

static bool is(const request_t *request, const char *resource) {
  const policy_string_t *chosen = &request->parameters.ptr[0].val.text;
  return chosen->len == strlen(resource) && memcmp(chosen->ptr, resource, chosen->len) == 0;
}

/* The share of a node that is requested once the pod is there; above 1 it does not fit. */
static double share(const request_t *request, int allocatable, int requested, int pod, uint32_t node) {
  double capacity = numbers(request, allocatable)[node];
  return capacity > 0 ? (numbers(request, requested)[node] + numbers(request, pod)[0]) / capacity : 2;
}

static double cpu(const request_t *request, uint32_t node) {
  return share(request, CPU_ALLOCATABLE, CPU_REQUESTED, POD_CPU, node);
}

static double memory(const request_t *request, uint32_t node) {
  return share(request, MEMORY_ALLOCATABLE, MEMORY_REQUESTED, POD_MEMORY, node);
}

void exports_netmarks_policy_scoring_describe(exports_netmarks_policy_scoring_description_t *description) {
  policy_string_t *needs = malloc(NEEDS * sizeof *needs);
  for (int need = 0; need < NEEDS; need++) needs[need] = text(NAMES[need]);
  policy_string_t *options = malloc(RESOURCE_COUNT * sizeof *options);
  for (int option = 0; option < RESOURCE_COUNT; option++) options[option] = text(RESOURCES[option]);
  parameter_t *parameters = malloc(sizeof *parameters);
  parameters[0] = (parameter_t){
      .name = text("resource"),
      .summary = text("Which share of a node counts: the larger of both, or one."),
      .kind = {.tag = NETMARKS_POLICY_TYPES_PARAMETER_KIND_CHOICE,
               .val.choice = {.default_ = text("larger"), .options = {options, RESOURCE_COUNT}}},
  };
  *description = (exports_netmarks_policy_scoring_description_t){
      .name = text("pack"),
      .version = text("1.0.0"),
      .summary = text("Prefers nodes that are nearly full, so that others become empty."),
      .needs = {needs, NEEDS},
      .parameters = {parameters, 1},
  };
}

bool exports_netmarks_policy_scoring_check(exports_netmarks_policy_scoring_list_value_t *parameters,
                                           policy_string_t *error) {
  (void)parameters, (void)error;
  return true;
}

bool exports_netmarks_policy_scoring_score(request_t *request, policy_list_f64_t *scores, policy_string_t *error) {
  (void)error;
  bool only_cpu = is(request, "cpu"), only_memory = is(request, "memory");
  *scores = (policy_list_f64_t){malloc(request->candidates * sizeof(double)), request->candidates};
  for (uint32_t node = 0; node < request->candidates; node++) {
    double of_cpu = cpu(request, node), of_memory = memory(request, node);
    double larger = of_cpu > of_memory ? of_cpu : of_memory;
    double score = only_cpu ? of_cpu : only_memory ? of_memory : larger;
    scores->ptr[node] = larger > 1 ? -1 : score;
  }
  return true;
}

bool exports_netmarks_policy_scoring_explain(request_t *request, uint32_t node,
                                             exports_netmarks_policy_scoring_list_part_t *parts,
                                             policy_string_t *error) {
  (void)error;
  *parts = (exports_netmarks_policy_scoring_list_part_t){malloc(sizeof(part_t)), 1};
  double of_cpu = cpu(request, node), of_memory = memory(request, node);
  if (of_cpu > 1 || of_memory > 1) {
    parts->ptr[0] = (part_t){.label = text("does not fit"), .amount = -1};
  } else if (is(request, "cpu") || (!is(request, "memory") && of_cpu > of_memory)) {
    parts->ptr[0] = (part_t){.label = text("share of the CPU"), .amount = of_cpu};
  } else {
    parts->ptr[0] = (part_t){.label = text("share of the memory"), .amount = of_memory};
  }
  return true;
}
