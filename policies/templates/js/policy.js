// Prefers nodes with idle CPU: the example to change into a policy of your own.
//
// Every call runs in a fresh copy of this program: nothing that it keeps is there in the next one.

// What is given arrives as { tag, val }: a column's val is an array, a parameter's a number, text or boolean.
const read = ({ columns: [allocatable, requested], parameters: [reserve] }) => ({
  allocatable: allocatable.val,
  requested: requested.val,
  reserve: reserve.val,
});

export const scoring = {
  describe() {
    return {
      name: "{{name}}",
      version: "1.0.0",
      summary: "Prefers nodes with idle CPU.",
      // What the host shall tell: see `needs` in wit/policy.wit for all there is.
      needs: ["node.cpu-allocatable", "node.cpu-requested"],
      // What an operator may set.
      parameters: [
        {
          name: "reserve",
          summary: "Cores to leave idle on every node.",
          kind: { tag: "number", val: { default: 0, minimum: 0, maximum: 64 } },
        },
      ],
    };
  },

  // To refuse parameters that make no sense together: throw a text.
  check(parameters) {},

  // One number per candidate, higher is better, in any unit.
  score(request) {
    const { allocatable, requested, reserve } = read(request);
    const scores = new Array(request.candidates);
    for (let node = 0; node < request.candidates; node++) {
      scores[node] = allocatable[node] - requested[node] - reserve;
    }
    return scores;
  },

  // What one node's score is made of, for people who ask why.
  explain(request, node) {
    const { allocatable, requested, reserve } = read(request);
    return [
      { label: "allocatable cores", amount: allocatable[node] },
      { label: "requested cores", amount: -requested[node] },
      { label: "reserved cores", amount: -reserve },
    ];
  },
};
