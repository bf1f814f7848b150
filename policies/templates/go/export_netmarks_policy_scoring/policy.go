// Package export_netmarks_policy_scoring is the policy; the generated code looks for it under this name.
//
// It prefers nodes that run peers, then nodes with idle CPU: the example to change into a policy of your own. Every call
// runs in a fresh copy of this program: nothing that it keeps is there in the next one.
package export_netmarks_policy_scoring

import (
	. "{{name}}/generated/netmarks_policy_types"

	. "go.bytecodealliance.org/pkg/wit/types"
)

// The columns, in the order of the needs in Describe; peers are not one of them.
const (
	allocatable = iota
	requested
)

// Describe says what the policy is and what it wants to be told.
func Describe() Description {
	idleCore := Parameter{
		Name:    "idle-core",
		Summary: "What an idle core is worth, in bytes per second.",
		Kind:    MakeParameterKindNumber(NumberParameter{Default: 100, Minimum: 0, Maximum: 1e9}),
	}
	return Description{
		Name:    "{{name}}",
		Version: "1.0.0",
		Summary: "Prefers nodes that run peers, then nodes with idle CPU.",
		// What the host tells the policy: see `needs` in wit/policy.wit for all there is.
		Needs: []string{"peers", "node.cpu-allocatable", "node.cpu-requested"},
		// What an operator may set.
		Parameters: []Parameter{idleCore},
	}
}

// Check refuses parameters that make no sense together: return Err[Unit](text).
func Check(parameters []Value) Result[Unit, string] { return Ok[Unit, string](Unit{}) }

// Score returns one number per candidate, higher is better, in any unit; here bytes per second.
func Score(request Request) Result[[]float64, string] {
	scores := make([]float64, request.Candidates)
	for node := range scores {
		scores[node] = idle(&request, node)
	}
	visitPeers(&request, func(_ uint32, traffic float64, node, pods uint32) {
		scores[node] += traffic * float64(pods)
	})
	return Ok[[]float64, string](scores)
}

// Explain returns what one node's score is made of, for people who ask why.
func Explain(request Request, node uint32) Result[[]Part, string] {
	cores := Part{Peer: None[uint32](), Label: "idle cores", Amount: idle(&request, int(node))}
	parts := []Part{cores}
	visitPeers(&request, func(peer uint32, traffic float64, there, pods uint32) {
		if there == node && len(parts) < 256 {
			amount := traffic * float64(pods)
			parts = append(parts, Part{Peer: Some(peer), Label: "traffic", Amount: amount})
		}
	})
	return Ok[[]Part, string](parts)
}

// What a node's idle cores are worth.
func idle(request *Request, node int) float64 {
	cores := request.Columns[allocatable].Numbers()[node] - request.Columns[requested].Numbers()[node]
	return request.Parameters[0].Number() * cores
}

// Calls visit for every node that runs pods of a peer. Traffic is in bytes per second.
func visitPeers(request *Request, visit func(peer uint32, traffic float64, node, pods uint32)) {
	peers := &request.Peers
	for peer := range peers.Outbound {
		traffic := peers.Outbound[peer] + peers.Inbound[peer]
		for at := peers.First[peer]; at < peers.First[peer+1]; at++ {
			visit(uint32(peer), traffic, peers.Node[at], peers.Pods[at])
		}
	}
}
