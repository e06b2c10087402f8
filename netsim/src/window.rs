//! Which numbers of a stream were seen.

/// The highest number of the newest feed, and which of the 128 below it were seen as well.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    feed: u32,
    highest: u32,
    below: u128,
}

impl Window {
    /// One number was seen.
    pub fn new(feed: u32, number: u32) -> Window {
        Window { feed, highest: number, below: 0 }
    }

    /// True if the number is new, as far as the window goes back. A newer feed starts the window anew; nothing of an
    /// older one is new.
    pub fn mark(&mut self, feed: u32, number: u32) -> bool {
        if feed != self.feed {
            let newer = feed > self.feed;
            if newer {
                *self = Window::new(feed, number);
            }
            return newer;
        }
        if number > self.highest {
            let step = number - self.highest;
            self.below = self.below.checked_shl(step).unwrap_or(0);
            self.below |= 1_u128.checked_shl(step - 1).unwrap_or(0);
            self.highest = number;
            return true;
        }
        let back = self.highest - number;
        let Some(bit) = back.checked_sub(1).and_then(|shift| 1_u128.checked_shl(shift)) else {
            return back != 0;
        };
        let fresh = self.below & bit == 0;
        self.below |= bit;
        fresh
    }

    /// As [`Window::mark`], but what is too old to tell is not taken for new.
    pub fn take(&mut self, feed: u32, number: u32) -> bool {
        !self.has(feed, number) && self.mark(feed, number)
    }

    /// True if this number was seen, or is too old to tell.
    pub fn has(&self, feed: u32, number: u32) -> bool {
        if feed != self.feed {
            return feed < self.feed;
        }
        let Some(back) = self.highest.checked_sub(number) else { return false };
        back == 0 || 1_u128.checked_shl(back - 1).is_none_or(|bit| self.below & bit != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_new_once() {
        let mut window = Window::new(1, 5);
        for (number, fresh) in
            [(5, false), (8, true), (6, true), (6, false), (7, true), (4, true), (4, false)]
        {
            assert_eq!(window.has(1, number), !fresh, "{number}");
            assert_eq!(window.mark(1, number), fresh, "{number}");
        }
        assert!(window.mark(1, 500) && window.mark(1, 372) && !window.mark(1, 372));
        assert!(window.mark(1, 371), "nobody can tell");
        assert!(!window.take(1, 371) && window.take(1, 373) && !window.take(1, 373));
    }

    #[test]
    fn a_newer_feed_starts_anew_and_an_older_one_brings_nothing() {
        let mut window = Window::new(2, 5);
        assert!(window.mark(3, 0) && !window.mark(2, 6) && window.has(2, 6) && !window.has(3, 1));
    }
}
