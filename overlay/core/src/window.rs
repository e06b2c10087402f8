//! Which numbers were seen.

/// The numbers that were seen: the highest, and which of the 128 below it.
#[derive(Debug, Default)]
pub(crate) struct Window {
    highest: Option<u32>,
    below: u128,
}

impl Window {
    /// True if the number was not seen yet, and is not too far behind to tell; from now on it was.
    pub(crate) fn mark(&mut self, number: u32) -> bool {
        let Some(highest) = self.highest else {
            self.highest = Some(number);
            return true;
        };
        if number > highest {
            let step = number - highest;
            self.below = if step >= 128 { 0 } else { self.below << step };
            self.below |= if step <= 128 { 1 << (step - 1) } else { 0 };
            self.highest = Some(number);
            return true;
        }
        let back = highest - number;
        if back == 0 || back > 128 || self.below & (1 << (back - 1)) != 0 {
            return false;
        }
        self.below |= 1 << (back - 1);
        true
    }

    /// True if [`Window::mark`] would say so.
    pub(crate) fn is_fresh(&self, number: u32) -> bool {
        let Some(back) = self.highest.and_then(|highest| highest.checked_sub(number)) else { return true };
        back > 0 && back <= 128 && self.below & (1 << (back - 1)) == 0
    }

    /// The number counts as not seen again, unless it is the highest or too far behind.
    pub(crate) fn unmark(&mut self, number: u32) {
        if let Some(back @ 1..=128) = self.highest.and_then(|highest| highest.checked_sub(number)) {
            self.below &= !(1 << (back - 1));
        }
    }

    /// The number behind the highest that was seen; none if nothing was.
    pub(crate) fn next_number(&self) -> Option<u32> {
        self.highest.map(|highest| highest.saturating_add(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_counts_once_and_gaps_can_be_filled() {
        let mut window = Window::default();
        for (number, fresh) in [(5, true), (5, false), (8, true), (6, true), (6, false), (7, true), (4, true)]
        {
            assert_eq!(window.mark(number), fresh, "{number}");
        }
        assert!(window.mark(500));
        assert!(!window.mark(300), "too far behind to tell");
        assert!(window.mark(499));
        assert!(window.mark(372), "128 below");
        for number in [499, 372, 373, 300, 501, 500] {
            assert_eq!(window.is_fresh(number), [373, 501].contains(&number), "{number}");
        }
        window.unmark(372);
        window.unmark(300);
        assert!(window.mark(372) && !window.mark(372) && !window.mark(300));
    }
}
