//! Values: exact int64, vectors, columns, filter text.
//!
//! Invariant: nothing here knows HTTP, a route or a clock.

pub mod columns;
pub mod filter;
pub mod int64;
pub mod json;
pub mod rows;
pub mod vector;
