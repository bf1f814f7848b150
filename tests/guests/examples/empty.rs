//! The least that a policy can be: what is left to measure is the cost of an instance.
netmarks_test_guests::export_description!(netmarks_test_guests::describe("empty"));
