//! What only the organiser's node does: it follows the meeting file, and lets in and removes people.

use std::collections::{BTreeMap, BTreeSet};

use keyagree::identity::PeerKey;
use keyagree::lease::Lease;
use keyagree::session::Input;

use super::Node;
use crate::clock;
use crate::fail::{Fail, Outcome};
use crate::seat::Chair;

impl Node {
    /// What `canopy lend` and `canopy remove` have changed since.
    pub(super) fn read_meeting_file(&mut self) -> Outcome {
        let Some(Chair { file, .. }) = &self.seat.chair else { return Ok(()) };
        let meeting = file.load()?;
        let issuer = meeting.issuer();
        for line in &meeting.leases {
            let Ok(lease) = Lease::from_line(line) else { continue };
            if lease.check(clock::unix()).is_err() || self.claims.lock().contains_key(&lease.relay()) {
                continue;
            }
            let grant = issuer.grant(lease.relay(), lease.id(), lease.kbps(), lease.ends());
            let claim = lease.claim(meeting.id(), issuer.public(), &grant, self.seat.me());
            self.claims.lock().insert(lease.relay(), claim);
            for contact in lease.contacts() {
                if let Err(error) = self.handle.dial(contact) {
                    tracing::warn!(contact, %error, "a lease names a contact that can't be dialled");
                }
            }
        }
        let known = self.session.removed();
        for invite in meeting.removed().into_iter().filter(|invite| !known.contains(invite)) {
            let out = self.gate.lock().remove(&[invite]);
            self.tell(Input::Remove(invite))?;
            self.shut(out);
        }
        Ok(())
    }

    /// Which guest came with which invite must survive a crash, or an invite would let two in.
    pub(super) fn keep_bindings(&mut self) -> Outcome {
        let Some(Chair { file, .. }) = &self.seat.chair else { return Ok(()) };
        let bindings: BTreeMap<_, _> = self.session.bindings().into_iter().collect();
        file.change(|meeting| {
            for guest in &mut meeting.guests {
                guest.peer = bindings.get(&guest.invite).copied().or(guest.peer);
            }
            Ok(())
        })
    }

    /// Removes the guest who came with this key, as `canopy remove` does.
    pub(super) fn remove(&mut self, peer: PeerKey) -> Outcome {
        let Some(Chair { file, .. }) = &self.seat.chair else {
            return Err(Fail::usage("only the organiser can remove somebody"));
        };
        file.change(|meeting| {
            let guest = meeting.guests.iter_mut().find(|guest| guest.peer == Some(peer));
            guest.ok_or_else(|| Fail::usage("that guest is not in the meeting any more"))?.removed = true;
            Ok(())
        })?;
        self.read_meeting_file()
    }

    /// True if a key message of `from` is to be kept from the session: the meeting is locked, and `from` was not in
    /// it before. Whoever is kept out asks again each few seconds.
    pub(super) fn keeps_out(&mut self, from: PeerKey) -> bool {
        let Some(lock) = &mut self.lock else { return false };
        if lock.admitted.contains(&from)
            || self.session.members().contains(&from)
            || self.session.bindings().iter().any(|(_, peer)| *peer == from)
        {
            return false;
        }
        if lock.knocking.len() < KNOCKING_MAX && lock.knocking.insert(from) {
            self.dirty = true;
        }
        true
    }
}

impl Node {
    /// Somebody who waited has gone.
    pub(super) fn forget_knocking(&mut self, peer: PeerKey) {
        if let Some(lock) = &mut self.lock {
            self.dirty |= lock.knocking.remove(&peer);
        }
    }
}

/// Who waits at a locked meeting and is shown; the others wait unseen.
const KNOCKING_MAX: usize = 64;

/// A locked meeting.
#[derive(Default)]
pub(super) struct Lock {
    /// Who wants in.
    pub(super) knocking: BTreeSet<PeerKey>,
    /// Of them, who may come in.
    pub(super) admitted: BTreeSet<PeerKey>,
}
