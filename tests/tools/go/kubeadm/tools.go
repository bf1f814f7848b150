//go:build tools

// Package tools names the command to build, so that go.mod and go.sum cover all it needs.
package tools

import (
	_ "k8s.io/kubernetes/cmd/kubeadm"
)
