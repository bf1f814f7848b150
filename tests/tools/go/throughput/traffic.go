package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// The pods whose scheduling is measured, and the applications that they exchange data with.
const (
	measuredNamespace = "bench"
	measuredApp       = "measured"
	peerNamespace     = "peers"
	peers             = 20
	podsPerPeer       = 50
)

// traffic is who talks to the measured application how much, and where its peers run: the same in every run.
type traffic struct {
	// Bytes per second to and from each peer.
	out, in [peers]float64
	// The node of each pod of each peer, by number.
	placed [peers][podsPerPeer]int
}

func newTraffic(nodes int) traffic {
	random := rand.New(rand.NewPCG(42, 0))
	var t traffic
	for peer := range peers {
		t.out[peer] = float64(1 + random.IntN(1_000_000))
		t.in[peer] = float64(1 + random.IntN(1_000_000))
	}
	for peer := range peers {
		for pod := range podsPerPeer {
			t.placed[peer][pod] = random.IntN(nodes)
		}
	}
	return t
}

// local is the share (0 to 1) of a measured pod's bytes that stay on each node, if it runs there.
func (t traffic) local(nodes int) []float64 {
	var total float64
	local := make([]float64, nodes)
	for peer := range peers {
		rate := t.out[peer] + t.in[peer]
		total += rate
		for _, node := range t.placed[peer] {
			local[node] += rate / podsPerPeer
		}
	}
	for node := range local {
		local[node] /= total
	}
	return local
}

// ranked is the nodes by what stays local there, best first.
func (t traffic) ranked(nodes int) []int {
	local := t.local(nodes)
	ranked := make([]int, nodes)
	for node := range ranked {
		ranked[node] = node
	}
	slices.SortStableFunc(ranked, func(left, right int) int {
		switch {
		case local[left] > local[right]:
			return -1
		case local[left] < local[right]:
			return 1
		default:
			return 0
		}
	})
	return ranked
}

func nodeName(node int) string { return fmt.Sprintf("node-%06d", node) }

func peerName(peer int) string { return fmt.Sprintf("peer-%02d", peer) }

// flows is how many series a metrics store has of this traffic.
const flows = 2 * peers

// runFlows answers every query as Prometheus does: with these flows.
func runFlows(arguments []string) error {
	flags := flag.NewFlagSet("flows", flag.ContinueOnError)
	listen := flags.String("listen", "127.0.0.1:0", "address to listen at")
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	// The nodes change no flow.
	t := newTraffic(1)
	http.HandleFunc("/api/v1/query", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(t.answer(time.Now()))
	})
	return http.ListenAndServe(*listen, nil)
}

func (t traffic) answer(now time.Time) map[string]any {
	var series []map[string]any
	add := func(source, sourceApp, destination, destinationApp string, rate float64) {
		series = append(series, map[string]any{
			"metric": map[string]string{
				"source_namespace":      source,
				"source":                sourceApp,
				"destination_namespace": destination,
				"destination":           destinationApp,
			},
			"value": []any{float64(now.UnixMilli()) / 1000, strconv.FormatFloat(rate, 'f', -1, 64)},
		})
	}
	for peer := range peers {
		add(measuredNamespace, measuredApp, peerNamespace, peerName(peer), t.out[peer])
		add(peerNamespace, peerName(peer), measuredNamespace, measuredApp, t.in[peer])
	}
	return map[string]any{
		"status": "success",
		"data":   map[string]any{"resultType": "vector", "result": series},
	}
}
