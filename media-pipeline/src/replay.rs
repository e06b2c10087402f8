//! Which counters of a key were seen: a sliding window (RFC 6479, without its packed shifting).

/// How far behind the newest counter a frame may still come.
pub(crate) const WINDOW: u64 = 2048;

const WORD_BITS: u64 = 64;
/// One word more than the window: the word that the newest counter is moving into.
const WORDS: usize = (WINDOW / WORD_BITS) as usize + 1;

/// Accepts each counter once, and none that is [`WINDOW`] or more behind the newest.
pub(crate) struct Window {
    /// The newest counter that was accepted, plus one; zero before any.
    next: u64,
    words: [u64; WORDS],
}

impl Window {
    pub(crate) fn new() -> Window {
        Window { next: 0, words: [0; WORDS] }
    }

    /// True if `counter` may still be accepted. Changes nothing: a forged frame must not.
    pub(crate) fn is_fresh(&self, counter: u32) -> bool {
        let counter = u64::from(counter);
        if counter >= self.next {
            return true;
        }
        let (word, bit) = place(counter);
        counter + WINDOW >= self.next && self.words[word] & bit == 0
    }

    /// Marks `counter` as seen. Called only after the frame proved to be authentic.
    pub(crate) fn accept(&mut self, counter: u32) {
        let counter = u64::from(counter);
        if counter >= self.next {
            self.clear_up_to(counter);
            self.next = counter + 1;
        }
        let (word, bit) = place(counter);
        self.words[word] |= bit;
    }

    /// Words that the newest counter enters for the first time still hold what was there one
    /// turn of the ring ago.
    fn clear_up_to(&mut self, counter: u64) {
        let entered = counter / WORD_BITS;
        let mut word = match self.next {
            0 => 0,
            next => (next - 1) / WORD_BITS + 1,
        };
        word = word.max((entered + 1).saturating_sub(WORDS as u64));
        while word <= entered {
            self.words[word as usize % WORDS] = 0;
            word += 1;
        }
    }
}

fn place(counter: u64) -> (usize, u64) {
    ((counter / WORD_BITS) as usize % WORDS, 1 << (counter % WORD_BITS))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_window_reaches_back_exactly_as_far_as_it_says() {
        let mut window = Window::new();
        window.accept(5000);
        assert!(!window.is_fresh(5000));
        assert!(window.is_fresh(5001 - WINDOW as u32));
        assert!(!window.is_fresh(5000 - WINDOW as u32));
        assert!(window.is_fresh(u32::MAX));
    }

    proptest! {
        /// The ring agrees with a plain set of everything seen.
        #[test]
        fn it_accepts_what_a_set_would(jumps in prop::collection::vec((0u32..3000, any::<bool>()), 1..400)) {
            let (mut window, mut seen, mut newest) = (Window::new(), BTreeSet::new(), 0u32);
            for (jump, back) in jumps {
                let counter = if back { newest.saturating_sub(jump) } else { newest + jump % 300 };
                let too_old = !seen.is_empty() && u64::from(counter) + WINDOW < u64::from(newest) + 1;
                let fresh = !too_old && !seen.contains(&counter);
                prop_assert_eq!(window.is_fresh(counter), fresh);
                if fresh {
                    window.accept(counter);
                    seen.insert(counter);
                    newest = newest.max(counter);
                }
            }
        }
    }
}
