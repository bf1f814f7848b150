#!/usr/bin/env bash
# Renews host/extender/tests/fixtures/bodies.jsonl: what kube-scheduler's own types encode, in each version of Kubernetes that
# is still supported. Needs Go and its module proxy; look at the difference before you commit it.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
fixture="$here/../../../../host/extender/tests/fixtures/bodies.jsonl"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
for version in 0.30.14 0.31.13 0.32.13 0.33.13 0.34.13 0.35.10 0.36.6 0.37.2; do
    mkdir "$work/$version" && cd "$work/$version" && cp "$here/main.go" .
    cat > go.mod <<MODULE
module bodies

go 1.24

require (
	k8s.io/api v$version
	k8s.io/apimachinery v$version
	k8s.io/kube-scheduler v$version
)
MODULE
    GOFLAGS=-mod=mod go run . "1.${version#0.}" >> "$work/bodies.jsonl"
done
cp "$work/bodies.jsonl" "$fixture"
