//! The body of a request, taken in whole before anything is decided.

use http_body_util::BodyExt as _;
use hyper::body::{Bytes, Frame};
use hyper::header::{CONTENT_LENGTH, HeaderMap};
use wasmtime_wasi_http::WasiBody;

use crate::budget::{Budget, Share};

/// `Content-Length`: one, plain digits.
pub(super) fn declared_length(headers: &HeaderMap) -> Option<u64> {
    let mut values = headers.get_all(CONTENT_LENGTH).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return None;
    };
    let digits = value
        .to_str()
        .ok()
        .filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?;
    digits.parse().ok()
}

/// A body, read to its end or to the cap.
pub(super) struct Came {
    pub(super) kept: Bytes,
    pub(super) count: u64,
    pub(super) trailers: bool,
    pub(super) aborted: bool,
    /// Its part of the budget. `None`: there was no room for all that was to be kept.
    pub(super) share: Option<Share>,
}

impl Came {
    /// Keeps the first `keep` bytes, as far as there is room, and counts the rest; reads on until more than `cap` came.
    /// Room is taken as bytes come: a length that is only declared takes none from others.
    pub(super) async fn collect(mut body: WasiBody, keep: u64, cap: u64, budget: &Budget) -> Self {
        let keep = usize::try_from(keep).unwrap_or(usize::MAX);
        let mut kept = Vec::new();
        // Untouched memory, which costs nothing; where the system gives none, there is no room.
        let room = kept.try_reserve_exact(keep).ok();
        let mut came = Self {
            kept: Bytes::new(),
            count: 0,
            trailers: false,
            aborted: false,
            share: room.and_then(|()| budget.take(0)),
        };
        while came.count <= cap {
            match body.frame().await.map(|frame| frame.map(Frame::into_data)) {
                None => break,
                Some(Ok(Ok(data))) => {
                    let room = keep.saturating_sub(kept.len()).min(data.len());
                    let length = (kept.len() + room) as u64;
                    let share = came.share.as_mut();
                    if share.is_some_and(|share| share.cover(length)) {
                        kept.extend_from_slice(&data[..room]);
                    } else {
                        (came.share, kept) = (None, Vec::new());
                    }
                    came.count = came.count.saturating_add(data.len() as u64);
                }
                Some(Ok(Err(_))) => came.trailers = true,
                Some(Err(_)) => {
                    came.aborted = true;
                    break;
                }
            }
        }
        came.kept = kept.into();
        came
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t07_odd_lengths_are_none() {
        for (values, length) in [
            (vec!["2"], Some(2)),
            (vec!["02"], Some(2)),
            (vec![], None),
            (vec![""], None),
            (vec!["+2"], None),
            (vec!["2, 2"], None),
            (vec!["0x2"], None),
            (vec!["18446744073709551616"], None),
            (vec!["2", "2"], None),
        ] {
            let mut headers = HeaderMap::new();
            for value in &values {
                headers.append(CONTENT_LENGTH, value.parse().unwrap());
            }
            assert_eq!(declared_length(&headers), length, "{values:?}");
        }
    }
}
