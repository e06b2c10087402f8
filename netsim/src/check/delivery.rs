//! What is handed to the application is handed over once, and is what its label says.

use overlay_core::unit::{Frame, Layer};

use super::Finding;
use crate::payload::Parcel;
use crate::window::Window;

pub(super) const TWICE: &str = "twice";
pub(super) const FORGED: &str = "forged";

/// What a receiver was handed of one layer of one source.
#[derive(Clone, Copy, Debug)]
struct Handed {
    source: u32,
    layer: Layer,
    numbers: Window,
}

/// What each receiver was handed.
#[derive(Debug)]
pub(super) struct Deliveries {
    windows: Vec<Vec<Handed>>,
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
        let Some(handed) = windows.iter_mut().find(|handed| handed.source == source && handed.layer == layer)
        else {
            windows.push(Handed { source, layer, numbers: Window::new(feed, number) });
            return None;
        };
        let fresh = handed.numbers.mark(feed, number);
        let what = || format!("was handed number {number} of {layer:?} of node {source} again, feed {feed}");
        (!fresh).then(|| Finding { invariant: TWICE, node: Some(who), what: what() })
    }
}
