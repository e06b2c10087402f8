//! What whoever runs the meeting does: the organiser's node follows the meeting file; who waits at the door is let in or
//! turned away, and people are removed.

use std::collections::BTreeMap;

use keyagree::identity::{InviteId, PeerKey};
use keyagree::lease::Lease;
use keyagree::removed::Removal;
use keyagree::session::{Input, Knocks};

use super::Node;
use crate::clock;
use crate::fail::{Fail, Outcome};
use crate::meeting::{Decided, Pin};
use crate::seat::Chair;
use crate::talk::Talk;

impl Node {
    /// What `canopy lend`, `remove`, `admit`, `deny`, `lock` and `pin` have changed since.
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
        self.read_door(meeting.locked, &meeting.decided)?;
        self.read_pins(meeting.pins())?;
        let known = self.session.removed();
        for removal in meeting.removed().iter().filter(|removal| !known.contains(removal)) {
            self.shut_out(removal)?;
        }
        Ok(())
    }

    /// Which guest came with which invite must survive a crash, or an invite would let in more than it may.
    pub(super) fn keep_bindings(&mut self) -> Outcome {
        let Some(Chair { file, .. }) = &self.seat.chair else { return Ok(()) };
        let mut bindings: BTreeMap<InviteId, Vec<PeerKey>> = BTreeMap::new();
        for (invite, peer) in self.session.bindings() {
            bindings.entry(invite).or_default().push(peer);
        }
        file.change(|meeting| {
            for guest in &mut meeting.guests {
                // A node that doesn't coordinate knows of none.
                if let Some(peers) = bindings.remove(&guest.invite) {
                    guest.peers = peers;
                }
            }
            Ok(())
        })
    }

    /// Removes the guest who came with this key, as `canopy remove` does.
    pub(super) fn remove(&mut self, peer: PeerKey) -> Outcome {
        if self.seat.chair.is_none() && !self.session.coordinates() {
            return Err(Fail::usage("only whoever runs the meeting can remove somebody"));
        }
        let removal = self.removal_of(peer);
        match &self.seat.chair {
            Some(Chair { file, .. }) => {
                file.change(|meeting| meeting.remove(removal))?;
                self.read_meeting_file()
            }
            None => self.shut_out(removal),
        }
    }

    /// What shuts out this guest and nobody else: the invite, if it is theirs alone, so that it lets in nobody any more;
    /// else the key, so that others who came by a link stay.
    fn removal_of(&self, peer: PeerKey) -> Removal {
        let own =
            self.gate.lock().known(&peer).filter(|known| known.uses == 1).and_then(|known| known.invite);
        let shared =
            |invite| self.session.bindings().iter().any(|(by, other)| *by == invite && *other != peer);
        own.filter(|invite| !shared(*invite)).map_or(Removal::Peer(peer), Removal::Invite)
    }

    /// Nobody whom this names is let in any more.
    fn shut_out(&mut self, removal: Removal) -> Outcome {
        let out = self.gate.lock().remove(&[removal].into_iter().collect());
        self.tell(Input::Remove(removal))?;
        self.shut(out);
        Ok(())
    }

    /// Tells who can let in who waits, and by whose invite.
    pub(super) fn on_knock(&mut self, peer: PeerKey, invite: InviteId, why: Knocks) {
        let guests = match &self.seat.chair {
            Some(Chair { file, .. }) => file.load().map(|meeting| meeting.guests.clone()).unwrap_or_default(),
            None => Vec::new(),
        };
        let number = guests.iter().position(|guest| guest.invite == invite);
        let whose = number.map_or_else(|| "an invite".to_owned(), |at| format!("invite {}", at + 1));
        let reason = match why {
            Knocks::GroupLink => "which is a link for many people",
            Knocks::LinkOfRemoved => {
                "which is a link for many people: one who came by it was removed, and this may be them"
            }
            Knocks::UsedInvite => {
                "which somebody else has used: it has leaked, or its guest has lost its key"
            }
            Knocks::Locked => "and the meeting is locked",
        };
        let how = match &self.seat.chair {
            Some(_) => "Let them in with 'canopy admit', or not with 'canopy deny'.",
            None => "Let them in, or not, in the meeting's page.",
        };
        eprintln!("{peer} waits at the door, with {whose}, {reason}. {how}");
        if self.door.knocking.len() < KNOCKING_MAX {
            let reason = format!("with {whose}, {reason}");
            self.door.knocking.insert(peer, reason);
            self.dirty = true;
        }
    }

    /// What `canopy admit`, `deny` and `lock` have changed since.
    fn read_door(&mut self, locked: bool, decided: &[Decided]) -> Outcome {
        for Decided { who, admit } in decided {
            let waiting = self.door.knocking.keys().find(|peer| peer.short() == *who).copied();
            if let Some(peer) = waiting {
                self.decide(peer, *admit)?;
            }
        }
        if self.door.locked != locked {
            self.shut_door(locked)?;
        }
        Ok(())
    }

    /// Says what `canopy pin` was told, to everybody and for as long as that is not so: to whom it concerns may come later.
    fn read_pins(&mut self, pins: &[Pin]) -> Outcome {
        for Pin { who, pinned } in pins.iter().copied() {
            let news = self.room.is_pinned(&who).is_some_and(|now| now != pinned);
            // Who says too much at once is heard at the next look.
            if news && self.here.is_some() && !self.say(Talk::Pin { who, pinned })? {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Somebody was pinned, or is no longer: the last word counts, be it said here, by another host or in the file.
    pub(super) fn pinned(&mut self, said: Pin) {
        self.dirty = true;
        let Some(Chair { file, .. }) = &self.seat.chair else { return };
        let before = Pin { pinned: !said.pinned, ..said };
        let overruled = file.load().and_then(|meeting| match meeting.pins().contains(&before) {
            true => file.change(|meeting| {
                meeting.take_back(before);
                Ok(())
            }),
            false => Ok(()),
        });
        if let Err(error) = overruled {
            tracing::warn!(%error, "what 'canopy pin' said stays in the meeting's file");
        }
    }

    /// Lets in, or turns away, somebody who waits.
    pub(super) fn decide(&mut self, peer: PeerKey, admit: bool) -> Outcome {
        if !self.seat.invite.role().may_host() {
            return Err(Fail::usage("Only the organiser and co-hosts can do that."));
        }
        self.forget_knocking(peer);
        self.tell(Input::Decide { peer, admit })
    }

    /// From now on whoever comes has to be let in, or no longer.
    pub(super) fn lock(&mut self, locked: bool) -> Outcome {
        match &self.seat.chair {
            Some(Chair { file, .. }) => {
                file.change(|meeting| {
                    meeting.locked = locked;
                    Ok(())
                })?;
                self.read_meeting_file()
            }
            None if self.session.coordinates() => self.shut_door(locked),
            None => Err(Fail::usage("Only whoever runs the meeting can do that.")),
        }
    }

    fn shut_door(&mut self, locked: bool) -> Outcome {
        self.door.locked = locked;
        self.dirty = true;
        self.tell(Input::Lock(locked))
    }

    /// Somebody who waited has gone, or is in.
    pub(super) fn forget_knocking(&mut self, peer: PeerKey) {
        self.dirty |= self.door.knocking.remove(&peer).is_some();
    }
}

/// Who waits at the door that this node remembers; the session holds as many.
const KNOCKING_MAX: usize = 256;

/// The door as this node's user is shown it.
pub(super) struct Door {
    pub(super) locked: bool,
    /// Who wants in, and with what and why not at once, in words.
    pub(super) knocking: BTreeMap<PeerKey, String>,
}

impl Door {
    pub(super) fn new(locked: bool) -> Door {
        Door { locked, knocking: BTreeMap::new() }
    }

    /// Somebody else keeps the door now.
    pub(super) fn clear(&mut self) {
        self.knocking.clear();
    }
}
