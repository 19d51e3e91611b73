//! A repeatable sequence (splitmix64), and changes of texts by it.

pub(crate) struct Sequence(pub(crate) u64);

impl Sequence {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, most: usize) -> usize {
        usize::try_from(self.next() % most.max(1) as u64).expect("smaller than a usize")
    }

    pub(crate) fn once_in(&mut self, many: usize) -> bool {
        self.below(many) == 0
    }

    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }

    /// A text with up to three changes: a piece put in where a key begins or anywhere, a byte changed, some taken out.
    pub(crate) fn mutated(&mut self, text: &[u8], pieces: &[&str]) -> Vec<u8> {
        let mut bytes = text.to_vec();
        for _ in 0..self.below(4) {
            let at = self.below(bytes.len() + 1);
            match self.below(6) {
                // Where a key begins: behind a brace or a comma.
                0..=2 => {
                    let places: Vec<usize> = (1..=bytes.len())
                        .filter(|at| matches!(bytes[at - 1], b'{' | b','))
                        .collect();
                    let at = places.get(self.below(places.len())).copied().unwrap_or(at);
                    bytes.splice(at..at, self.pick(pieces).bytes());
                }
                3 => {
                    bytes.splice(at..at, self.pick(pieces).bytes());
                }
                4 if at < bytes.len() => bytes[at] = u8::try_from(self.below(256)).expect("a byte"),
                _ => {
                    let end = bytes.len().min(at + self.below(12));
                    bytes.drain(at.min(end)..end);
                }
            }
        }
        bytes
    }
}
