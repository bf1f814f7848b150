//! Behaves, but asks for a table of 20 million elements when it is instantiated: 160 MB that no memory cap counts.
netmarks_test_guests::export_description!(netmarks_test_guests::describe("big-table"));
