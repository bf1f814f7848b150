// Where the definitions (CRDs) of others come from, of whose kinds the chart makes objects. Nothing is built from it.
module netmarks.test/definitions

go 1.26.0

require (
	github.com/cert-manager/cert-manager v1.21.2
	github.com/prometheus-operator/prometheus-operator v0.85.0
)
