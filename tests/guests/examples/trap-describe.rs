//! Traps in `describe`.
netmarks_test_guests::export_description!(std::process::abort());
