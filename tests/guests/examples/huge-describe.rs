//! Describes itself with a name of 4 MiB and a hundred thousand needs.
use netmarks_test_guests::{describe, export_description, scoring::Description};

export_description!(Description {
    name: "n".repeat(4 << 20),
    needs: vec!["peers".to_owned(); 100_000],
    ..describe("")
});
