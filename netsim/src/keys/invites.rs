//! Who everybody is: identities, and the invites that they come with.

use std::collections::BTreeMap;
use std::sync::Arc;

use keyagree::session::Seat;
use keyagree::{
    Admission, AdmittedAs, Identity, InviteId, Issuer, IssuerKey, MeetingId, PeerKey, Role, UnixTime,
};
use overlay_core::io::Kind;

use super::START;
use crate::cast::Cast;
use crate::id::node_id;
use crate::rng::{self, Subsystem};
use crate::scenario::Scenario;

/// Invites end after the longest scenario.
const VALID_MS: u64 = 24 * 3_600_000;

struct Holder {
    identity: Arc<Identity>,
    invite: InviteId,
    role: Role,
    credential: Vec<u8>,
}

/// The identity and the invite of each participant. Both stay the same when it starts anew.
pub struct Invites {
    meeting: MeetingId,
    issuer: IssuerKey,
    holders: Vec<Holder>,
    by_peer: BTreeMap<PeerKey, u32>,
}

impl Invites {
    /// The first participant's is the organiser's, those of the next are deputies'.
    pub fn draw(scenario: &Scenario, cast: &Cast, seed: u64) -> Invites {
        let mut rng = rng::stream(seed, Subsystem::Invites);
        let issuer = Issuer::generate(&mut rng);
        let participants = cast.people.iter().filter(|person| person.kind == Kind::Participant);
        let identities = in_order_of_ids(participants.map(|_| Identity::generate(&mut rng)).collect());
        let mut holders = Vec::new();
        for (who, identity) in (0..).zip(identities) {
            let role = match who {
                0 => Role::Organiser,
                who if who <= scenario.keys.deputies => Role::Deputy,
                _ => Role::Guest,
            };
            let ends = START.plus_ms(VALID_MS);
            let invite = issuer.issue_invite(&mut rng, role, Vec::new(), START, ends);
            let invite = invite.expect("no contacts are not too many");
            let (credential, invite) = (invite.credential(&identity, START), invite.id());
            holders.push(Holder { identity: Arc::new(identity), invite, role, credential });
        }
        let by_peer = holders.iter().map(|holder| holder.identity.public()).zip(0..).collect();
        Invites { meeting: issuer.meeting(), issuer: issuer.public(), holders, by_peer }
    }

    /// What a session is made from; none for a relay.
    pub fn seat(&self, who: u32) -> Option<Seat> {
        let holder = self.holders.get(who as usize)?;
        Some(Seat {
            identity: Arc::clone(&holder.identity),
            meeting: self.meeting,
            issuer: self.issuer,
            invite: holder.invite,
            role: holder.role,
            credential: holder.credential.clone(),
        })
    }

    /// The key of a participant.
    pub fn peer(&self, who: u32) -> Option<PeerKey> {
        self.holders.get(who as usize).map(|holder| holder.identity.public())
    }

    /// Whose key it is.
    pub fn who(&self, peer: &PeerKey) -> Option<u32> {
        self.by_peer.get(peer).copied()
    }

    /// The invite of a participant.
    pub fn invite(&self, who: u32) -> Option<InviteId> {
        self.holders.get(who as usize).map(|holder| holder.invite)
    }

    /// What every gate says of a participant: here all credentials are good, and nobody is in the lobby.
    pub fn admission(&self, who: u32) -> Option<Admission> {
        let holder = self.holders.get(who as usize)?;
        Some(Admission {
            role: AdmittedAs::Participant(holder.role),
            invite: Some(holder.invite),
            uses: 1,
            lobby: false,
            pass_ends: None,
            passed_by: None,
            expires: UnixTime(u64::MAX),
        })
    }
}

/// Of two who lead in one term the greater id does, in the overlay and in key agreement: the two must sort alike. In the
/// shipped program they are one.
fn in_order_of_ids(mut identities: Vec<Identity>) -> Vec<Identity> {
    identities.sort_by_key(Identity::public);
    let mut nodes: Vec<u32> = (0..).take(identities.len()).collect();
    nodes.sort_by_key(|who| node_id(*who));
    let mut seated: Vec<(u32, Identity)> = nodes.into_iter().zip(identities).collect();
    seated.sort_by_key(|(who, _)| *who);
    seated.into_iter().map(|(_, identity)| identity).collect()
}
