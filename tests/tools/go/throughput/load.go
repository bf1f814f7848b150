package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// loaded is what requests to an extender cost it, and how long its client waited.
type loaded struct {
	Requests int `json:"requests"`
	// User and system time of the extender's process for one request.
	CPUMicroseconds float64 `json:"cpu_us"`
	P50Microseconds float64 `json:"p50_us"`
	P99Microseconds float64 `json:"p99_us"`
	// Of one request and one answer.
	RequestBytes int `json:"request_bytes"`
	AnswerBytes  int `json:"answer_bytes"`
}

// Ticks a second of the times in /proc: Linux shows 100 to every process, whatever the kernel counts in.
const ticks = 100

// runLoad sends recorded requests with Go's HTTP client, as kube-scheduler does: over one connection one after the
// other, or over several.
func runLoad(arguments []string) error {
	flags := flag.NewFlagSet("load", flag.ContinueOnError)
	url := flags.String("url", "", "where to post")
	pid := flags.Int("pid", 0, "the process whose time is counted")
	folder := flags.String("bodies", "", "folder with recorded bodies")
	requests := flags.Int("requests", 1000, "how many; a tenth more go ahead and are not counted")
	connections := flags.Int("connections", 1, "how many requests are under way at once")
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	bodies, err := readBodies(*folder)
	if err != nil {
		return err
	}
	client := &http.Client{
		Transport: &http.Transport{MaxIdleConnsPerHost: *connections},
		Timeout:   5 * time.Second,
	}
	if _, _, err := send(client, *url, bodies, ahead(*requests), *connections); err != nil {
		return err
	}
	before, err := processTime(*pid)
	if err != nil {
		return err
	}
	times, answered, err := send(client, *url, bodies, *requests, *connections)
	if err != nil {
		return err
	}
	after, err := processTime(*pid)
	if err != nil {
		return err
	}
	slices.Sort(times)
	quantile := func(share float64) float64 {
		return float64(times[int(share*float64(len(times)-1))].Nanoseconds()) / 1e3
	}
	sent := 0
	for _, body := range bodies {
		sent += len(body)
	}
	return json.NewEncoder(os.Stdout).Encode(loaded{
		Requests:        *requests,
		CPUMicroseconds: float64((after - before).Microseconds()) / float64(*requests),
		P50Microseconds: quantile(0.5),
		P99Microseconds: quantile(0.99),
		RequestBytes:    sent / len(bodies),
		AnswerBytes:     int(answered) / *requests,
	})
}

// send posts so many requests; it returns how long each took, and the bytes of all answers.
func send(
	client *http.Client, url string, bodies [][]byte, requests, connections int,
) (times []time.Duration, answered int64, err error) {
	times = make([]time.Duration, requests)
	failed := make([]error, connections)
	var next, bytes atomic.Int64
	var group sync.WaitGroup
	for connection := range connections {
		group.Go(func() {
			for number := next.Add(1) - 1; int(number) < requests; number = next.Add(1) - 1 {
				started := time.Now()
				answer, err := post(client, url, bodies[int(number)%len(bodies)])
				if err != nil {
					failed[connection] = err
					return
				}
				times[number] = time.Since(started)
				bytes.Add(int64(len(answer)))
			}
		})
	}
	group.Wait()
	return times, bytes.Load(), errors.Join(failed...)
}

// ahead is how many requests warm the extender up before those that are counted.
func ahead(requests int) int { return requests / 10 }

func post(client *http.Client, url string, body []byte) (string, error) {
	request, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	request.Header.Set("Content-Type", "application/json")
	return read(client, request)
}

// read returns the body of an answer with status 200.
func read(client *http.Client, request *http.Request) (string, error) {
	response, err := client.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: status %s: %s", request.URL, response.Status, answer)
	}
	return string(answer), err
}

func readBodies(folder string) ([][]byte, error) {
	files, err := filepath.Glob(filepath.Join(folder, "*.json"))
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("there are no recorded bodies in %s", folder)
	}
	var bodies [][]byte
	for _, file := range files {
		body, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		bodies = append(bodies, body)
	}
	return bodies, nil
}

// processTime is the user and system time that a process has used so far, in steps of 10 ms.
func processTime(pid int) (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	// The name, in parentheses, may hold anything. After it, the fields 3 and on.
	_, rest, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0, fmt.Errorf("/proc/%d/stat has too few fields", pid)
	}
	var sum time.Duration
	for _, field := range fields[11:13] {
		count, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, err
		}
		sum += time.Duration(count) * time.Second / ticks
	}
	return sum, nil
}
