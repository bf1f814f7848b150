//! Never returns from `describe`.
netmarks_test_guests::export_description!(loop {
    std::hint::black_box(());
});
