//! Policies from Kubernetes: the ScoringPolicy resource, its status and events, and who may change policies.
