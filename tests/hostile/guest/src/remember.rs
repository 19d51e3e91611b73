//! Tries to carry something from one call to the next: in a global, on the heap, in memory that was given back.
//! Stands for hosts that reuse an instance, or hand out memory that they did not clear.

#![allow(unsafe_code, reason = "reads memory that no value owns")]

use serde_json::{Value, json};
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::attack::{Attack, number, text};
use crate::attacks;

/// Every byte of what is searched for is given and compared under this mask, so that what is given is not the match.
const MASK: u8 = 0x5a;
const PAGE: usize = 1 << 16;

static CALLS: AtomicU64 = AtomicU64::new(0);

pub(crate) const ATTACKS: &[Attack] = &[
    Attack {
        name: attacks::LEAVE_A_MARK,
        tries: "Fills `pages` fresh pages of memory with the masked text in `mark`, counts in a global, and lets all go.",
        run: leave_a_mark,
    },
    Attack {
        name: attacks::LOOK_FOR_A_MARK,
        tries: "Looks for the masked text in `mark` in all its memory and in `pages` fresh pages.",
        run: look_for_a_mark,
    },
];

pub(crate) fn masked(arguments: &Value) -> Vec<u8> {
    let digits = text(arguments, "mark").as_bytes();
    digits
        .chunks(2)
        .filter_map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect()
}

fn fresh_pages(arguments: &Value) -> (usize, usize) {
    let pages = usize::try_from(number(arguments, "pages")).unwrap_or(0);
    let before = core::arch::wasm32::memory_grow(0, pages);
    if before == usize::MAX {
        (0, 0)
    } else {
        (before * PAGE, pages * PAGE)
    }
}

fn leave_a_mark(_: &str, arguments: &Value) -> Value {
    let mark = masked(arguments);
    let (start, length) = fresh_pages(arguments);
    for at in 0..length {
        let byte = mark.get(at % mark.len().max(1)).copied().unwrap_or(0) ^ MASK;
        // SAFETY: within the pages that were added, which no value owns.
        unsafe { std::ptr::write_volatile((start + at) as *mut u8, byte) };
    }
    json!({ "calls": CALLS.fetch_add(1, Ordering::Relaxed), "found": found(&mark), "filled": length })
}

fn look_for_a_mark(_: &str, arguments: &Value) -> Value {
    let mark = masked(arguments);
    let (start, length) = fresh_pages(arguments);
    // SAFETY: within the pages that were added.
    let dirty =
        (start..start + length).any(|at| unsafe { std::ptr::read_volatile(at as *const u8) } != 0);
    json!({ "calls": CALLS.fetch_add(1, Ordering::Relaxed), "found": found(&mark), "dirty": dirty })
}

/// How often the text that is `mark` under the mask stands in the memory, from the first byte to the last.
pub(crate) fn found(mark: &[u8]) -> usize {
    let end = core::arch::wasm32::memory_size(0) * PAGE;
    let Some(last) = end.checked_sub(mark.len()) else {
        return 0;
    };
    if mark.is_empty() {
        return 0;
    }
    // SAFETY: within the memory.
    let byte = |at: usize| unsafe { std::ptr::read_volatile(black_box(at) as *const u8) };
    (1..=last)
        .filter(|at| {
            mark.iter()
                .enumerate()
                .all(|(offset, masked)| byte(at + offset) ^ MASK == *masked)
        })
        .count()
}
