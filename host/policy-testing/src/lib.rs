//! Tests and measures a scoring policy: readable cases, properties every policy must keep, time and memory per call.
