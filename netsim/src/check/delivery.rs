//! What is handed to the application is handed over once, and is what its label says.

use overlay_core::unit::{Frame, Layer};

use super::Finding;
use crate::payload::Parcel;

pub(super) const TWICE: &str = "twice";
pub(super) const FORGED: &str = "forged";

/// Which numbers of one feed and layer a receiver was handed: the highest, and which of the 128 below it.
#[derive(Clone, Copy, Debug)]
struct Window {
    source: u32,
    layer: Layer,
    feed: u32,
    highest: u32,
    below: u128,
}

impl Window {
    /// True if the number is new, as far as the window goes back.
    fn mark(&mut self, number: u32) -> bool {
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
}

/// What each receiver was handed.
#[derive(Debug)]
pub(super) struct Deliveries {
    windows: Vec<Vec<Window>>,
}

impl Deliveries {
    pub(super) fn new(people: usize) -> Deliveries {
        Deliveries { windows: vec![Vec::new(); people] }
    }

    /// A receiver that starts anew has no memory, and may be handed everything again.
    pub(super) fn forget(&mut self, who: u32) {
        self.windows[who as usize].clear();
    }

    pub(super) fn delivered(
        &mut self,
        who: u32,
        source: u32,
        feed: u32,
        frame: &Frame<Parcel>,
    ) -> Option<Finding> {
        let (parcel, number, layer) = (&frame.payload, frame.info.number, frame.layer);
        if parcel.altered || (parcel.source, parcel.layer, parcel.number) != (source, layer, number) {
            let what = format!("was handed {parcel:?} as number {number} of {layer:?} of node {source}");
            return Some(Finding { invariant: FORGED, node: Some(who), what });
        }
        let windows = &mut self.windows[who as usize];
        let Some(window) = windows.iter_mut().find(|window| window.source == source && window.layer == layer)
        else {
            windows.push(Window { source, layer, feed, highest: number, below: 0 });
            return None;
        };
        if feed > window.feed {
            *window = Window { source, layer, feed, highest: number, below: 0 };
            return None;
        }
        let fresh = feed == window.feed && window.mark(number);
        let what = || format!("was handed number {number} of {layer:?} of node {source} again, feed {feed}");
        (!fresh).then(|| Finding { invariant: TWICE, node: Some(who), what: what() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_new_once() {
        let mut window = Window { source: 0, layer: Layer::Audio, feed: 1, highest: 5, below: 0 };
        for (number, fresh) in
            [(5, false), (8, true), (6, true), (6, false), (7, true), (4, true), (4, false)]
        {
            assert_eq!(window.mark(number), fresh, "{number}");
        }
        assert!(window.mark(500) && window.mark(372) && !window.mark(372));
    }
}
