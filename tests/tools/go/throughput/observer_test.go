package main

import (
	"context"
	"sync"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	fwk "k8s.io/kube-scheduler/framework"
)

const observerName = "Observer"

// observer is a plugin of the scheduler that decides nothing: it notes when each measured pod is bound. The samples that
// scheduler_perf takes once a second are too few for a run of seconds.
type observer struct {
	setting setting
	handle  fwk.Handle
	// Nodes by what stays local there, best first, and the share of each.
	ranked []int
	local  map[string]float64

	mutex sync.Mutex
	bound []time.Time
	// Sum over the bound pods.
	localSum float64
	// Of the pods whose candidates were looked at.
	asked, candidates, best int
	// Sum of what would have stayed local on the best node that had room.
	bestSum float64
}

var (
	_ fwk.PreScorePlugin = &observer{}
	_ fwk.PostBindPlugin = &observer{}
)

func newObserver(s setting) *observer {
	t := newTraffic(s.Nodes)
	o := &observer{setting: s, ranked: t.ranked(s.Nodes), local: map[string]float64{}}
	for node, share := range t.local(s.Nodes) {
		o.local[nodeName(node)] = share
	}
	return o
}

// plugin is how the scheduler makes it.
func (o *observer) plugin(_ context.Context, _ runtime.Object, handle fwk.Handle) (fwk.Plugin, error) {
	o.handle = handle
	return o, nil
}

func (o *observer) Name() string { return observerName }

func (o *observer) PostBind(_ context.Context, _ fwk.CycleState, pod *v1.Pod, node string) {
	if pod.Namespace != measuredNamespace {
		return
	}
	now := time.Now()
	o.mutex.Lock()
	defer o.mutex.Unlock()
	o.bound = append(o.bound, now)
	o.localSum += o.local[node]
}

func (o *observer) PreScore(_ context.Context, _ fwk.CycleState, pod *v1.Pod, nodes []fwk.NodeInfo) *fwk.Status {
	if !o.setting.Candidates || pod.Namespace != measuredNamespace {
		return nil
	}
	best := o.bestWithRoom()
	among := false
	for _, node := range nodes {
		among = among || node.Node().Name == best
	}
	o.mutex.Lock()
	defer o.mutex.Unlock()
	o.asked++
	o.candidates += len(nodes)
	o.bestSum += o.local[best]
	if among {
		o.best++
	}
	return nil
}

// bestWithRoom is the node where most of a measured pod's bytes would stay, of all that could take it.
func (o *observer) bestWithRoom() string {
	for _, node := range o.ranked {
		info, err := o.handle.SnapshotSharedLister().NodeInfos().Get(nodeName(node))
		if err != nil {
			continue
		}
		used := info.GetRequested().GetMilliCPU()
		if used+podMillicores <= info.GetAllocatable().GetMilliCPU() &&
			len(info.GetPods()) < info.GetAllocatable().GetAllowedPodNumber() {
			return info.Node().Name
		}
	}
	return ""
}

// report adds what was seen.
func (o *observer) report(r *result) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	r.Bound = len(o.bound)
	if r.Bound > 1 {
		first, last := o.bound[0], o.bound[0]
		for _, time := range o.bound {
			if time.Before(first) {
				first = time
			}
			if time.After(last) {
				last = time
			}
		}
		r.PodsPerSecond = float64(r.Bound-1) / last.Sub(first).Seconds()
	}
	if r.Bound > 0 {
		r.Local = o.localSum / float64(r.Bound)
	}
	if o.asked > 0 {
		r.Candidates = float64(o.candidates) / float64(o.asked)
		r.BestAmong = float64(o.best) / float64(o.asked)
		r.BestLocal = o.bestSum / float64(o.asked)
	}
}
