//! This package is its one test binary, `main.rs`; cargo wants a library beside it.
