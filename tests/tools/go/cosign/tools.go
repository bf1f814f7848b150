//go:build tools

// Package tools names the command, so that `go mod tidy` keeps its dependencies.
package tools

import _ "github.com/sigstore/cosign/v3/cmd/cosign"
