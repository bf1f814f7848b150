//go:build tools

// Package tools names the commands to build, so that go.mod and go.sum cover all they need.
package tools

import (
	_ "github.com/VictoriaMetrics/VictoriaMetrics/app/victoria-metrics"
	_ "github.com/VictoriaMetrics/VictoriaMetrics/app/vmauth"
)
