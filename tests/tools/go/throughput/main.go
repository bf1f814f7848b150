// Command throughput is what a measurement of kube-scheduler's throughput needs beside the scheduler: extenders to
// compare with, a client that loads one, and an answer of Prometheus. The measurement itself is this package's test: it
// runs scheduler_perf, which wants to be a benchmark of Go's package testing.
package main

import (
	"fmt"
	"os"
)

func main() {
	tasks := map[string]func(arguments []string) error{
		"extender": runExtender,
		"flows":    runFlows,
		"load":     runLoad,
	}
	if len(os.Args) < 2 || tasks[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: throughput extender|flows|load FLAGS")
		os.Exit(2)
	}
	if err := tasks[os.Args[1]](os.Args[2:]); err != nil {
		fmt.Fprintf(os.Stderr, "throughput %s: %v\n", os.Args[1], err)
		os.Exit(1)
	}
}
