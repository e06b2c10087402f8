//! What is handed to the application is handed over once, and is what its label says.

use overlay_core::unit::{Frame, Layer};

use super::Finding;
use crate::payload::Parcel;
use crate::window::Window;

pub(super) const TWICE: &str = "twice";
pub(super) const FORGED: &str = "forged";

/// What one receiver was handed, by source and layer. The keys stand apart: all are looked through at each delivery.
#[derive(Clone, Debug, Default)]
struct Handed {
    keys: Vec<(u32, Layer)>,
    numbers: Vec<Window>,
}

/// What each receiver was handed.
#[derive(Debug)]
pub(super) struct Deliveries {
    handed: Vec<Handed>,
}

impl Deliveries {
    pub(super) fn new(people: usize) -> Deliveries {
        Deliveries { handed: vec![Handed::default(); people] }
    }

    /// A receiver that starts anew has no memory, and may be handed everything again.
    pub(super) fn forget(&mut self, who: u32) {
        self.handed[who as usize] = Handed::default();
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
        let handed = &mut self.handed[who as usize];
        let Some(at) = handed.keys.iter().position(|key| *key == (source, layer)) else {
            handed.keys.push((source, layer));
            handed.numbers.push(Window::new(feed, number));
            return None;
        };
        let fresh = handed.numbers[at].mark(feed, number);
        let what = || format!("was handed number {number} of {layer:?} of node {source} again, feed {feed}");
        (!fresh).then(|| Finding { invariant: TWICE, node: Some(who), what: what() })
    }
}
