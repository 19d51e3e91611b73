//! Drives the component through the harness, against real servers.

mod contract;
mod hostile;
mod servers;
mod tools;
mod typed;
