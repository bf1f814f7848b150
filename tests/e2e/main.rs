//! End to end: the program beside a real control plane, one module a subject; one binary, so that what they share is linked once.

mod admission;
mod alerts;
mod cert_manager;
mod certificates;
mod chart;
mod connection_flood;
mod doctor;
mod documents;
mod faults;
mod gangs;
mod image;
mod installed;
mod locality;
mod outages;
mod paused;
mod policies;
mod rebalance;
mod release;
mod replicas;
mod scale;
mod scheduler_model;
mod second_scheduler;
mod simulate;
mod snapshot;
mod soak;
mod support;
