package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"

	extenderv1 "k8s.io/kube-scheduler/extender/v1"
)

// The ways to score nothing: what the protocol itself costs, at least and as extenders are usually written.
const (
	// blind reads the body and answers `[]`: less work is not possible.
	blind = "blind"
	// dense decodes the request and answers 0 for every name.
	dense = "dense"
)

// nullExtender answers kube-scheduler without a score, and counts its calls: prioritize errors are silent, so that an
// extender that is not called looks fast.
type nullExtender struct {
	kind  string
	calls atomic.Int64
	// Where the first bodies are written, if anywhere, and how many.
	folder string
	limit  int64
}

func runExtender(arguments []string) error {
	flags := flag.NewFlagSet("extender", flag.ContinueOnError)
	kind := flags.String("kind", blind, "blind or dense")
	listen := flags.String("listen", "127.0.0.1:0", "address to listen at")
	folder := flags.String("record", "", "folder that gets the first bodies")
	limit := flags.Int64("record-limit", 64, "how many")
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	extender := &nullExtender{kind: *kind, folder: *folder, limit: *limit}
	prioritize := map[string]http.HandlerFunc{blind: extender.blind, dense: extender.dense}[*kind]
	if prioritize == nil {
		return fmt.Errorf("there is no extender %q", *kind)
	}
	http.HandleFunc("POST /prioritize", prioritize)
	http.HandleFunc("GET /calls", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, extender.calls.Load())
	})
	return http.ListenAndServe(*listen, nil)
}

func (e *nullExtender) blind(w http.ResponseWriter, r *http.Request) {
	call := e.calls.Add(1)
	body, err := io.ReadAll(r.Body)
	if err == nil && e.folder != "" && call <= e.limit {
		err = os.WriteFile(filepath.Join(e.folder, fmt.Sprintf("%03d.json", call)), body, 0o644)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, "[]")
}

func (e *nullExtender) dense(w http.ResponseWriter, r *http.Request) {
	e.calls.Add(1)
	var arguments extenderv1.ExtenderArgs
	err := json.NewDecoder(r.Body).Decode(&arguments)
	if err == nil && arguments.NodeNames == nil {
		err = errors.New("the request has no NodeNames")
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	answer := make(extenderv1.HostPriorityList, 0, len(*arguments.NodeNames))
	for _, name := range *arguments.NodeNames {
		answer = append(answer, extenderv1.HostPriority{Host: name})
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer)
}
