// Spreads an application's pods evenly over zones, and within a zone over nodes.
//
//     score = -(own pods in the node's zone) - (own pods on the node) / (own pods everywhere + 1)
//
// The second term is below one: it orders the nodes of a zone and never outweighs a pod of another zone. Nodes without a
// zone are one zone together. Only pods on the candidates are seen.

// The columns, in the order of the needs.
const read = ({ columns: [zones, ownPods] }) => ({ zones: zones.val, ownPods: ownPods.val });

const countByZone = ({ zones, ownPods }) => {
  const pods = new Map();
  zones.forEach((zone, node) => pods.set(zone, (pods.get(zone) ?? 0) + ownPods[node]));
  return pods;
};

const total = (numbers) => numbers.reduce((sum, number) => sum + number, 0);

export const scoring = {
  describe() {
    return {
      name: "even-zones",
      version: "1.0.0",
      summary: "Prefers the zone, and then the node, with the fewest pods of the pod's application.",
      needs: ["node.zone", "node.own-pods"],
      parameters: [
        {
          name: "nodes",
          summary: "Whether to spread over the nodes of a zone too.",
          kind: { tag: "toggle", val: true },
        },
      ],
    };
  },

  check(parameters) {},

  score(request) {
    const facts = read(request);
    const inZone = countByZone(facts);
    const share = request.parameters[0].val ? 1 / (total(facts.ownPods) + 1) : 0;
    const scores = new Array(request.candidates);
    for (let node = 0; node < request.candidates; node++) {
      scores[node] = -inZone.get(facts.zones[node]) - share * facts.ownPods[node];
    }
    return scores;
  },

  explain(request, node) {
    const facts = read(request);
    const parts = [{ label: "own pods in the zone", amount: -countByZone(facts).get(facts.zones[node]) }];
    if (request.parameters[0].val) {
      const amount = -facts.ownPods[node] / (total(facts.ownPods) + 1);
      parts.push({ label: "own pods on the node", amount });
    }
    return parts;
  },
};
