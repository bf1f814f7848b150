package export_netmarks_policy_scoring

import (
	"slices"
	"testing"

	. "{{name}}/generated/netmarks_policy_types"
)

func TestANodeScoresByItsPeersAndItsIdleCores(t *testing.T) {
	scores := Score(Request{
		Candidates: 2,
		Nodes:      2,
		Peers: Peers{
			Outbound: []float64{1000}, Inbound: []float64{500},
			First: []uint32{0, 1}, Node: []uint32{1}, Pods: []uint32{2},
		},
		Columns:    []Column{MakeColumnNumbers([]float64{4, 8}), MakeColumnNumbers([]float64{1, 2})},
		Parameters: []Value{MakeValueNumber(10)},
	}).Ok()
	if expected := []float64{30, 3060}; !slices.Equal(scores, expected) {
		t.Errorf("the scores are %v, not %v", scores, expected)
	}
}
