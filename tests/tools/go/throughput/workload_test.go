package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

const zones = 3

// What a measured pod asks for, and what a node has.
const (
	podMillicores  = 100
	nodeMillicores = 16_000
	nodePods       = 110
)

type object = map[string]any

// workload writes what scheduler_perf reads: the operations, the templates of nodes and pods, and the scheduler's
// configuration. It returns the file with the operations.
func (s setting) workload(extenderURL string) (string, error) {
	files := map[string]any{
		"node.yaml":      s.node(),
		"pod.yaml":       s.pod(),
		"scheduler.yaml": s.scheduler(extenderURL),
		"workload.yaml": []object{{
			"name":                "Throughput",
			"labels":              []string{"performance"},
			"schedulerConfigPath": filepath.Join(s.Folder, "scheduler.yaml"),
			// None of the scheduler's histograms: scheduler_perf reads the whole page again for each of hundreds of series.
			"metricsCollectorConfig": object{"metrics": object{}},
			"workloadTemplate": []object{
				{
					"opcode": "createNodes", "count": s.Nodes,
					"nodeTemplatePath": filepath.Join(s.Folder, "node.yaml"),
				},
				{
					"opcode": "createPods", "count": s.Pods, "namespace": measuredNamespace,
					"podTemplatePath": filepath.Join(s.Folder, "pod.yaml"), "collectMetrics": true,
				},
			},
			"workloads": []object{{"name": fmt.Sprintf("%dNodes", s.Nodes), "params": object{}}},
		}},
	}
	for name, content := range files {
		// JSON is YAML, and the marks of the templates are plain text in it.
		encoded, err := json.Marshal(content)
		if err != nil {
			return "", err
		}
		if err := os.WriteFile(filepath.Join(s.Folder, name), encoded, 0o644); err != nil {
			return "", err
		}
	}
	return filepath.Join(s.Folder, "workload.yaml"), nil
}

// node is a template: scheduler_perf fills in the number, and adds the label with the host's name.
func (s setting) node() object {
	resources := object{"cpu": fmt.Sprintf("%dm", nodeMillicores), "memory": "64Gi", "pods": nodePods}
	return object{
		"apiVersion": "v1",
		"kind":       "Node",
		"metadata": object{
			// As `nodeName` writes it. Quotes within the mark would be escaped by JSON.
			"name": "node-{{printf `%06d` .Index}}",
			"labels": object{
				"topology.kubernetes.io/zone":   fmt.Sprintf("zone-{{Mod .Index %d}}", zones),
				"topology.kubernetes.io/region": "region",
			},
		},
		"status": object{
			"capacity":    resources,
			"allocatable": resources,
			"conditions":  []object{{"type": "Ready", "status": "True"}},
			"phase":       "Running",
		},
	}
}

func (s setting) pod() object {
	spec := podSpec()
	if terms := s.terms(); len(terms) > 0 {
		spec["affinity"] = object{
			"nodeAffinity": object{"preferredDuringSchedulingIgnoredDuringExecution": terms},
		}
	}
	return object{
		"apiVersion": "v1",
		"kind":       "Pod",
		"metadata": object{
			"generateName": measuredApp + "-7d9f5b6c4d-",
			"labels":       object{"app": measuredApp, "pod-template-hash": "7d9f5b6c4d"},
		},
		"spec": spec,
	}
}

func podSpec() object {
	requests := object{"cpu": fmt.Sprintf("%dm", podMillicores), "memory": "128Mi"}
	return object{
		"containers": []object{{
			"name": "app", "image": "none.invalid/app", "resources": object{"requests": requests},
		}},
	}
}

// terms are what admission adds to a pod of this traffic: by default the eight best nodes, the next eight, and the best
// zone; fewer are the first of these. Eleven are more than it would ever add: eight nodes by name, and each zone.
func (s setting) terms() []object {
	ranked := newTraffic(s.Nodes).ranked(s.Nodes)
	names := func(from, to int) []string {
		var names []string
		for _, node := range ranked[min(from, s.Nodes):min(to, s.Nodes)] {
			names = append(names, nodeName(node))
		}
		return names
	}
	term := func(weight int, by, key string, values ...string) object {
		rule := object{"key": key, "operator": "In", "values": values}
		return object{"weight": weight, "preference": object{by: []object{rule}}}
	}
	hostnames := func(weight, from, to int) object {
		return term(weight, "matchExpressions", "kubernetes.io/hostname", names(from, to)...)
	}
	zone := func(weight, zone int) object {
		name := fmt.Sprintf("zone-%d", zone)
		return term(weight, "matchExpressions", "topology.kubernetes.io/zone", name)
	}
	switch s.Terms {
	case 1, 2, 3:
		byDefault := []object{hostnames(100, 0, 8), hostnames(69, 8, 16), zone(25, ranked[0]%zones)}
		return byDefault[:s.Terms]
	case 11:
		var terms []object
		for number, name := range names(0, 8) {
			terms = append(terms, term(100-number, "matchFields", "metadata.name", name))
		}
		for number := range zones {
			terms = append(terms, zone(25-number, number))
		}
		return terms
	default:
		return nil
	}
}

func (s setting) scheduler(extenderURL string) object {
	config := object{
		"apiVersion": "kubescheduler.config.k8s.io/v1",
		"kind":       "KubeSchedulerConfiguration",
		"profiles": []object{{
			"schedulerName": "default-scheduler",
			"plugins":       object{"multiPoint": object{"enabled": []object{{"name": observerName}}}},
		}},
	}
	if s.Percentage > 0 {
		config["percentageOfNodesToScore"] = s.Percentage
	}
	if extenderURL != "" {
		// As deploy/kube-scheduler recommends, without TLS: what is compared does not speak it.
		config["extenders"] = []object{{
			"urlPrefix": extenderURL, "prioritizeVerb": "prioritize", "weight": 1, "nodeCacheCapable": true,
			"httpTimeout": "1s", "ignorable": true,
		}}
	}
	return config
}
