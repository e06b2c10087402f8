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
    }
}
