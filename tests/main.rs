//! Drives the component through the harness, against real servers.

#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking, and may show what it measured"
)]

mod commands;
mod component;
mod contract;
mod hostile;
mod secret;
mod servers;
mod supply;
mod tools;
mod typed;
