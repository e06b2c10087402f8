//! What the core wants done that is not sending: it waits for the driver, and who brings more of it than that gets done is not
//! read on.

use std::collections::VecDeque;
use std::sync::Arc;

use overlay_core::id::NodeId;
use overlay_core::io::{Event, Note, Signature};
use overlay_core::list::List;

use crate::config::BACKLOG_MAX;
use crate::outlet::Outlet;

/// Errands beyond this are a fault of ours: control lanes stop at [`BACKLOG_MAX`] and the core's own
/// timers make few.
const ERRANDS_MAX: usize = 64 * BACKLOG_MAX;

/// What the core wants done that is not sending.
#[derive(Debug)]
pub(crate) enum Errand {
    /// Check a note.
    Vet(NodeId, Note, Signature),
    /// Sign a note.
    Sign(Note),
    /// Check that the second signed a list, which the first brought.
    VetList(NodeId, NodeId, List, Signature),
    /// Sign a list.
    SignList(List),
    /// Make a link.
    Dial(NodeId, Vec<String>),
    /// Close a link.
    Hangup(NodeId),
    /// Tell the owner.
    Tell(Event),
}

/// Errands that wait, the oldest first.
#[derive(Default)]
pub(crate) struct Errands {
    waiting: VecDeque<Errand>,
    /// Connections that stopped reading control since errands pile up.
    stalled: Vec<Arc<Outlet>>,
}

impl Errands {
    pub(crate) fn push(&mut self, errand: Errand) {
        if self.waiting.len() < ERRANDS_MAX {
            self.waiting.push_back(errand);
        } else {
            tracing::error!(?errand, "the driver does not keep up: an errand is lost");
        }
    }

    /// The next errand. Connections that stopped reading are woken when few are left.
    pub(crate) fn pop(&mut self) -> Option<Errand> {
        let errand = self.waiting.pop_front();
        if self.waiting.len() < BACKLOG_MAX {
            self.stalled.drain(..).for_each(|outlet| outlet.wake());
        }
        errand
    }

    /// True if a connection is not to read control now: it is woken when it is again.
    pub(crate) fn stalls(&mut self, outlet: &Arc<Outlet>) -> bool {
        let backed_up = self.waiting.len() >= BACKLOG_MAX;
        if backed_up && !self.stalled.iter().any(|stalled| Arc::ptr_eq(stalled, outlet)) {
            self.stalled.push(Arc::clone(outlet));
        }
        backed_up
    }

    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}
