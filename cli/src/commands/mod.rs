//! The commands, a file each.

pub(crate) mod call;
pub(crate) mod doctor;
pub(crate) mod inspect;
pub(crate) mod local;
pub(crate) mod policy;
pub(crate) mod rest;
pub(crate) mod tools;
