//! Needs a fact that no host knows, one typing error away from `node.zone`.
use netmarks_test_guests::{describe, export_description, scoring::Description};

export_description!(Description { needs: vec!["node.zones".to_owned()], ..describe("bad-need") });
