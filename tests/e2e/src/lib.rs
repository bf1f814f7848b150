//! Runs the `netmarks` binary beside a real control plane and a real Prometheus, for the end-to-end tests.
