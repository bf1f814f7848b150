//! The life of policies: received, checked, compiled, tried, shadowed, live, drained, gone.
