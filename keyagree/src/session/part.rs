//! Which part a session plays now.

use crate::epoch::Head;
use crate::epoch::coordinator::Coordinator;
use crate::epoch::member::Member;
use crate::epoch::view::View;

/// See the module.
pub(crate) enum Part {
    Member(Box<Member>),
    Coordinator(Box<Coordinator>),
    /// While one becomes the other.
    Changing,
}

impl Part {
    pub(crate) fn parts(&self) -> Option<(&Head, &View)> {
        match self {
            Part::Member(member) => member.head().map(|head| (head, member.view())),
            Part::Coordinator(part) => Some((part.head(), part.view())),
            Part::Changing => None,
        }
    }

    pub(crate) fn parts_mut(&mut self) -> Option<(&Head, &mut View)> {
        match self {
            Part::Member(member) => {
                let (head, view) = member.view_mut();
                head.map(|head| (head, view))
            }
            Part::Coordinator(part) => Some(part.view_mut()),
            Part::Changing => None,
        }
    }

    /// The view of the members, if it is the whole roster of the last epoch.
    pub(crate) fn complete(&self) -> Option<&View> {
        self.parts().filter(|(head, view)| view.is_complete(head)).map(|(_, view)| view)
    }
}
