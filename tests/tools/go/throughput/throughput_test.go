package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strconv"
	"testing"
	"time"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/workqueue"
	_ "k8s.io/component-base/logs/json/register"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app/testing"
	"k8s.io/kubernetes/pkg/scheduler"
	frameworkruntime "k8s.io/kubernetes/pkg/scheduler/framework/runtime"
	perf "k8s.io/kubernetes/test/integration/scheduler_perf"
	"k8s.io/kubernetes/test/utils/ktesting"
	"sigs.k8s.io/yaml"
)

var (
	settingFile = flag.String("setting", "", "the run, as JSON")
	resultFile  = flag.String("result", "", "gets what came of it, as JSON")
)

func TestMain(m *testing.M) {
	if err := perf.InitTests(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func BenchmarkPerfScheduling(b *testing.B) {
	s, err := readSetting(*settingFile)
	if err != nil {
		b.Fatal(err)
	}
	if err := s.certificates(b); err != nil {
		b.Fatal(err)
	}
	run := &run{setting: s, observer: newObserver(s), extenders: map[string]*serving{}}
	url := ""
	if s.Extender != "none" {
		run.address = freeAddress(b)
		url = "http://" + run.address
	}
	workload, err := s.workload(url)
	if err != nil {
		b.Fatal(err)
	}
	registry := frameworkruntime.Registry{observerName: run.observer.plugin}
	perf.RunBenchmarkPerfScheduling(b, workload, "throughput", registry, perf.WithNodeUpdateFn(run.prepare))
	if b.Failed() {
		return
	}
	if err := run.write(); err != nil {
		b.Fatal(err)
	}
}

// certificates lets the API server write its certificate into the run's folder. It looks for one beside its source, which
// a program built with -trimpath does not know; with these variables, the path is taken to begin elsewhere.
func (s setting) certificates(b *testing.B) error {
	source, _ := runtime.FuncForPC(reflect.ValueOf(apiserver.StartTestServer).Pointer()).FileLine(0)
	b.Setenv("TEST_SRCDIR", s.Folder)
	b.Setenv("TEST_WORKSPACE", "certificates")
	return os.MkdirAll(filepath.Join(s.Folder, "certificates", filepath.Dir(source), "testdata"), 0o755)
}

// run is one measurement: a cluster, an extender, and what was seen of the pods.
type run struct {
	setting  setting
	observer *observer
	// Where the scheduler asks its extender.
	address   string
	extenders map[string]*serving
	outcome   result
}

// prepare is called when the nodes are there, and before the measured pods are created.
func (r *run) prepare(tCtx ktesting.TContext, _ *scheduler.Scheduler, _ *perf.Workload, nodes *v1.NodeList) error {
	if len(nodes.Items) != r.setting.Nodes {
		return fmt.Errorf("there are %d nodes instead of %d", len(nodes.Items), r.setting.Nodes)
	}
	if err := r.createPeers(tCtx); err != nil {
		return err
	}
	if r.setting.Load != nil {
		return r.measureLoad(tCtx)
	}
	if r.setting.Extender == "none" {
		return nil
	}
	if err := r.startExtender(tCtx, r.setting.Extender, r.address); err != nil {
		return err
	}
	extender := r.extenders[r.setting.Extender]
	before, err := processTime(extender.command.Process.Pid)
	if err != nil {
		return err
	}
	// The last to be registered, so the first to be called: the extender still runs.
	tCtx.TB().Cleanup(func() {
		if err := r.count(extender, before); err != nil {
			tCtx.TB().Errorf("failed to ask how often the extender was called: %v", err)
		}
	})
	return nil
}

// count asks the extender how often it was called, and the kernel what that cost.
func (r *run) count(extender *serving, before time.Duration) error {
	after, err := processTime(extender.command.Process.Pid)
	if err != nil {
		return err
	}
	if r.outcome.Calls, r.outcome.Scored, err = extender.count(); err != nil {
		return err
	}
	r.outcome.CPUMicroseconds = float64((after - before).Microseconds()) / float64(max(r.outcome.Calls, 1))
	return nil
}

func (r *run) startExtender(tCtx ktesting.TContext, kind, address string) error {
	var err error
	if kind == "netmarks" {
		r.extenders[kind], err = r.setting.netmarks(tCtx.TB(), address, tCtx.RESTConfig())
	} else {
		r.extenders[kind], err = r.setting.null(tCtx.TB(), kind, address)
	}
	return err
}

// createPeers creates the pods that the measured ones exchange data with, bound to their nodes, as a running cluster has
// them.
func (r *run) createPeers(tCtx ktesting.TContext) error {
	client := tCtx.Client().CoreV1()
	namespace := &v1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: peerNamespace}}
	if _, err := client.Namespaces().Create(tCtx, namespace, metav1.CreateOptions{}); err != nil {
		return err
	}
	encoded, err := json.Marshal(podSpec())
	if err != nil {
		return err
	}
	var spec v1.PodSpec
	if err := yaml.UnmarshalStrict(encoded, &spec); err != nil {
		return err
	}
	t := newTraffic(r.setting.Nodes)
	errors := make([]error, peers*podsPerPeer)
	workqueue.ParallelizeUntil(tCtx, 16, len(errors), func(number int) {
		peer, pod := number/podsPerPeer, number%podsPerPeer
		created := &v1.Pod{Spec: *spec.DeepCopy()}
		created.Name = fmt.Sprintf("%s-%02d", peerName(peer), pod)
		created.Labels = map[string]string{"app": peerName(peer)}
		created.Spec.NodeName = nodeName(t.placed[peer][pod])
		_, errors[number] = client.Pods(peerNamespace).Create(tCtx, created, metav1.CreateOptions{})
	})
	for _, err := range errors {
		if err != nil {
			return fmt.Errorf("failed to create a peer: %w", err)
		}
	}
	return nil
}

// measureLoad asks each extender by itself the recorded requests, by turns and in both orders.
func (r *run) measureLoad(tCtx ktesting.TContext) error {
	kinds := []string{blind, "netmarks", dense}
	for _, kind := range kinds {
		if err := r.startExtender(tCtx, kind, freeAddress(tCtx.TB())); err != nil {
			return err
		}
	}
	r.outcome.Load = map[string][]loaded{}
	load := r.setting.Load
	for range load.Rounds {
		for _, kind := range kinds {
			extender := r.extenders[kind]
			command := exec.Command(r.setting.Tools, "load", "-url", "http://"+extender.address+"/prioritize",
				"-pid", strconv.Itoa(extender.command.Process.Pid), "-bodies", load.Bodies,
				"-requests", strconv.Itoa(load.Requests), "-connections", strconv.Itoa(load.Connections))
			command.Stderr = os.Stderr
			output, err := command.Output()
			if err != nil {
				return fmt.Errorf("failed to load the extender %s: %w", kind, err)
			}
			var seen loaded
			if err := json.Unmarshal(output, &seen); err != nil {
				return err
			}
			r.outcome.Load[kind] = append(r.outcome.Load[kind], seen)
		}
		slices.Reverse(kinds)
	}
	wanted := load.Rounds * (load.Requests + ahead(load.Requests))
	for kind, extender := range r.extenders {
		calls, scored, err := extender.count()
		if err == nil && (calls != wanted || kind == "netmarks" && scored != wanted) {
			err = fmt.Errorf("%d calls, %d scored, instead of %d", calls, scored, wanted)
		}
		if err != nil {
			return fmt.Errorf("the extender %s: %w", kind, err)
		}
	}
	return nil
}

func (r *run) write() error {
	r.observer.report(&r.outcome)
	average, err := r.setting.average()
	if err != nil {
		return err
	}
	r.outcome.Average = average
	content, err := json.MarshalIndent(r.outcome, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(*resultFile, content, 0o644)
}

// average is scheduler_perf's own figure, from the file that it writes for Kubernetes' dashboards.
func (s setting) average() (float64, error) {
	files, err := filepath.Glob(filepath.Join(s.Folder, "BenchmarkPerfScheduling*.json"))
	if err != nil || len(files) != 1 {
		return 0, fmt.Errorf("scheduler_perf wrote %d files of results (%v)", len(files), err)
	}
	content, err := os.ReadFile(files[0])
	if err != nil {
		return 0, err
	}
	var items perf.DataItems
	if err := json.Unmarshal(content, &items); err != nil {
		return 0, err
	}
	for _, item := range items.DataItems {
		if item.Labels["Metric"] == "SchedulingThroughput" {
			return item.Data["Average"], nil
		}
	}
	return 0, nil
}
