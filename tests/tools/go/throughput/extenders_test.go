package main

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"k8s.io/kubernetes/test/utils/ktesting"
)

// Longest wait for a program; far above what it takes.
const limit = 90 * time.Second

// serving is an extender, or the metrics store: a process of its own, as in a cluster.
type serving struct {
	name    string
	address string
	command *exec.Cmd
}

// freeAddress is one on loopback that nobody listens at: the scheduler is told where its extender will be before that
// can start.
func freeAddress(tb ktesting.TB) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// start runs a program until the workload ends; its output is in a file of the run's folder. No longer: scheduler_perf
// waits for the scheduler's idle connections to end, and they do with the program.
func (s setting) start(tb ktesting.TB, name, address string, command *exec.Cmd) *serving {
	log, err := os.Create(filepath.Join(s.Folder, name+".log"))
	if err != nil {
		tb.Fatal(err)
	}
	command.Stdout, command.Stderr = log, log
	if err := command.Start(); err != nil {
		tb.Fatalf("%s: %v", name, err)
	}
	tb.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
		_ = log.Close()
	})
	return &serving{name: name, address: address, command: command}
}

// null starts an extender that scores nothing, and waits until it answers.
func (s setting) null(tb ktesting.TB, kind, address string) (*serving, error) {
	arguments := []string{"extender", "-kind", kind, "-listen", address}
	if s.Record != "" {
		arguments = append(arguments, "-record", s.Record)
	}
	extender := s.start(tb, kind, address, exec.Command(s.Tools, arguments...))
	return extender, until("the "+kind+" extender answers", func() error {
		_, err := extender.calls()
		return err
	})
}

// calls is how often a null extender was asked.
func (e *serving) calls() (int, error) {
	text, err := get("http://" + e.address + "/calls")
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(text)
}

// netmarks starts `netmarks serve` beside this API server, and waits until it knows all nodes, pods and flows.
func (s setting) netmarks(tb ktesting.TB, address string, cluster *rest.Config) (*serving, error) {
	kubeconfig := filepath.Join(s.Folder, "kubeconfig")
	if err := writeKubeconfig(kubeconfig, cluster); err != nil {
		return nil, err
	}
	store := freeAddress(tb)
	s.start(tb, "flows", store, exec.Command(s.Tools, "flows", "-listen", store))
	config := object{
		"server":  object{"listen": address},
		"cluster": object{"kubeconfig": kubeconfig},
		"metrics": object{
			"url":    "http://" + store,
			"preset": "custom",
			"custom": object{
				"queries": []string{"flows"},
				"labels": object{
					"source_namespace": "source_namespace", "source_name": "source",
					"destination_namespace": "destination_namespace", "destination_name": "destination",
				},
			},
		},
	}
	content, err := json.Marshal(config)
	if err != nil {
		return nil, err
	}
	file := filepath.Join(s.Folder, "netmarks.yaml")
	if err := os.WriteFile(file, content, 0o644); err != nil {
		return nil, err
	}
	extender := s.start(tb, "netmarks", address, exec.Command(s.Program, "serve", "--config", file))
	wanted := map[string]int{
		"netmarks_ready": 1, "netmarks_nodes": s.Nodes, "netmarks_pods": peers * podsPerPeer, "netmarks_flows": flows,
	}
	return extender, until("netmarks knows the cluster", func() error {
		metrics, err := extender.metrics()
		for name, value := range wanted {
			if err == nil && metrics[name] != value {
				err = fmt.Errorf("%s is %d instead of %d", name, metrics[name], value)
			}
		}
		return err
	})
}

// metrics are the counts on netmarks' page, by name with labels.
func (e *serving) metrics() (map[string]int, error) {
	text, err := get("http://" + e.address + "/metrics")
	if err != nil {
		return nil, err
	}
	metrics := map[string]int{}
	for line := range strings.Lines(text) {
		if name, value, found := strings.Cut(strings.TrimSpace(line), " "); found {
			if count, err := strconv.ParseFloat(value, 64); err == nil {
				metrics[name] = int(count)
			}
		}
	}
	return metrics, nil
}

// count is how often an extender was called by its own count, and how often it answered with scores.
func (e *serving) count() (calls, scored int, err error) {
	if e.name != "netmarks" {
		calls, err = e.calls()
		return calls, 0, err
	}
	metrics, err := e.metrics()
	const name = "netmarks_prioritize_answers_total"
	for key, count := range metrics {
		if strings.HasPrefix(key, name) {
			calls += count
		}
	}
	return calls, metrics[name+`{outcome="scored"}`], err
}

func writeKubeconfig(file string, cluster *rest.Config) error {
	config := clientcmdapi.NewConfig()
	config.Clusters["test"] = &clientcmdapi.Cluster{
		Server: cluster.Host, TLSServerName: cluster.ServerName,
		CertificateAuthority: cluster.CAFile, CertificateAuthorityData: cluster.CAData,
	}
	config.AuthInfos["test"] = &clientcmdapi.AuthInfo{Token: cluster.BearerToken}
	config.Contexts["test"] = &clientcmdapi.Context{Cluster: "test", AuthInfo: "test"}
	config.CurrentContext = "test"
	return clientcmd.WriteToFile(*config, file)
}

// get asks over a connection of its own: scheduler_perf takes one that stays for a leak.
func get(url string) (string, error) {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 5 * time.Second}
	request, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	return read(client, request)
}

// until asks ten times a second until there is no error.
func until(what string, try func() error) error {
	deadline := time.Now().Add(limit)
	for {
		err := try()
		if err == nil {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("waited %s until %s: %w", limit, what, err)
		}
		time.Sleep(100 * time.Millisecond)
	}
}
