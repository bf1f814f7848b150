package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
)

// setting is one run, as `cargo xtask throughput` describes it in a file.
type setting struct {
	Nodes int `json:"nodes"`
	// Pods whose scheduling is measured.
	Pods int `json:"pods"`
	// none, blind, dense or netmarks.
	Extender string `json:"extender"`
	// Preferred terms of node affinity that each measured pod carries: 0 to 3, or 11.
	Terms int `json:"terms"`
	// percentageOfNodesToScore; 0 leaves it to the scheduler.
	Percentage int `json:"percentage"`
	// Whether to look at each pod's candidates, which costs the scheduler some microseconds a pod.
	Candidates bool `json:"candidates"`
	// Folder where the blind extender writes the first bodies, if any.
	Record string `json:"record"`
	// Load on the extenders by themselves, before pods are scheduled without one; nil: none.
	Load *loadSetting `json:"load"`
	// The program netmarks.
	Program string `json:"program"`
	// This package's own program.
	Tools string `json:"tools"`
	// Folder for the files of this run.
	Folder string `json:"folder"`
}

type loadSetting struct {
	// Folder with recorded bodies.
	Bodies   string `json:"bodies"`
	Requests int    `json:"requests"`
	Rounds   int    `json:"rounds"`
	// Requests under way at once.
	Connections int `json:"connections"`
}

// result is what came of a run.
type result struct {
	// Measured pods a second, from the first to be bound to the last.
	PodsPerSecond float64 `json:"pods_per_second"`
	// scheduler_perf's own figure, a mean over samples of a second each; 0 where the run was too short for one.
	Average float64 `json:"average"`
	// Measured pods that were bound.
	Bound int `json:"bound"`
	// Answers of the extender by its own count, and those of them with scores where it is netmarks.
	Calls  int `json:"calls"`
	Scored int `json:"scored"`
	// User and system time of the extender's process for each of these, whatever else it did meanwhile.
	CPUMicroseconds float64 `json:"cpu_us"`
	// Share (0 to 1) of the measured pods' bytes that stay on their node.
	Local float64 `json:"local"`
	// With `candidates`: nodes among which the scheduler chose, on average, the share of pods for which the best node
	// that had room was one of them, and the share of their bytes that would have stayed on that node.
	Candidates float64 `json:"candidates"`
	BestAmong  float64 `json:"best_among"`
	BestLocal  float64 `json:"best_local"`
	// By extender, one for each round.
	Load map[string][]loaded `json:"load"`
}

func readSetting(file string) (setting, error) {
	var s setting
	content, err := os.ReadFile(file)
	if err != nil {
		return s, err
	}
	decoder := json.NewDecoder(bytes.NewReader(content))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&s); err != nil {
		return s, fmt.Errorf("%s: %w", file, err)
	}
	return s, nil
}
