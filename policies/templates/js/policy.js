// Prefers nodes that run peers, then nodes with idle CPU: the example to change into a policy of your own.
//
// Every call runs in a fresh copy of this program: nothing that it keeps is there in the next one.

// What is given arrives as { tag, val }: a column's val is an array, a parameter's a number, text or boolean.
// Columns have the order of the needs in `describe`; `peers` is not one of them.
const read = ({ columns: [allocatable, requested], parameters: [idleCore] }) => ({
  idle: (node) => idleCore.val * (allocatable.val[node] - requested.val[node]),
});

// Calls visit(peer, traffic, node, pods) for every node that runs pods of a peer. Traffic is in bytes per second.
const visitPeers = ({ peers }, visit) => {
  for (let peer = 0; peer < peers.outbound.length; peer++) {
    const traffic = peers.outbound[peer] + peers.inbound[peer];
    for (let at = peers.first[peer]; at < peers.first[peer + 1]; at++) {
      visit(peer, traffic, peers.node[at], peers.pods[at]);
    }
  }
};

export const scoring = {
  describe() {
    return {
      name: "{{name}}",
      version: "1.0.0",
      summary: "Prefers nodes that run peers, then nodes with idle CPU.",
      // What the host tells the policy: see `needs` in wit/policy.wit for all there is.
      needs: ["peers", "node.cpu-allocatable", "node.cpu-requested"],
      // What an operator may set.
      parameters: [
        {
          name: "idle-core",
          summary: "What an idle core is worth, in bytes per second.",
          kind: { tag: "number", val: { default: 100, minimum: 0, maximum: 1e9 } },
        },
      ],
    };
  },

  // To refuse parameters that make no sense together: throw a text.
  check(parameters) {},

  // One number per candidate, higher is better, in any unit; here bytes per second.
  score(request) {
    const { idle } = read(request);
    const scores = new Array(request.candidates);
    for (let node = 0; node < request.candidates; node++) {
      scores[node] = idle(node);
    }
    visitPeers(request, (peer, traffic, node, pods) => {
      scores[node] += traffic * pods;
    });
    return scores;
  },

  // What one node's score is made of, for people who ask why.
  explain(request, node) {
    const { idle } = read(request);
    const parts = [{ label: "idle cores", amount: idle(node) }];
    visitPeers(request, (peer, traffic, there, pods) => {
      if (there === node && parts.length < 256) {
        parts.push({ peer, label: "traffic", amount: traffic * pods });
      }
    });
    return parts;
  },
};
