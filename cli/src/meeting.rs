//! The organiser's meeting file: what a meeting needs to go on after a crash, and the one thing that
//! `canopy invite`, `lend`, `remove` and their like change (`docs/decisions/0004-meeting-file.md`).

use std::path::{Path, PathBuf};

use keyagree::UnixTime;
use keyagree::identity::{Identity, InviteId, MeetingId, PeerKey};
use keyagree::issuer::Issuer;
use keyagree::removed::{INVITES_MAX, PEERS_MAX, Removal, Removed};
use keyagree::suite::Secret;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

use crate::fail::{Fail, Outcome};
use crate::{folder, home};

/// The layout that this program writes.
const VERSION: u8 = 3;
/// Bytes of the file: all invites and all keys that can come by them fit.
const FILE_MAX: usize = 2 << 20;
/// Guests of one meeting.
pub const GUESTS_MAX: usize = 5_000;
/// Words on people at the door that are kept.
pub const DECIDED_MAX: usize = 1_024;
/// People who are pinned, and others of whom it was said that they no longer are; the floor counts no more.
pub const PINS_MAX: usize = overlay_core::config::CLAIMED_MAX;
/// Leases of one meeting.
pub const LEASES_MAX: usize = 256;
const EXTENSION: &str = "meeting";

/// One meeting, as its organiser keeps it. It holds the issuer's key: mode 0600, wiped when dropped.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Meeting {
    version: u8,
    id: MeetingId,
    #[serde(with = "serde_bytes")]
    issuer: [u8; 32],
    #[serde(with = "serde_bytes")]
    organiser: [u8; 32],
    /// The organiser's own invite.
    pub organiser_invite: InviteId,
    /// Everybody who was invited, in the order of their numbers.
    pub guests: Vec<Guest>,
    /// Lease lines.
    pub leases: Vec<String>,
    /// Where the organiser's node can be reached.
    pub contacts: Vec<String>,
    /// The port that its node listens on.
    pub port: u16,
    /// The last term of coordination that was begun.
    pub term: u32,
    /// When the last invite expires.
    pub ends: UnixTime,
    /// Whoever is new waits at the door.
    pub locked: bool,
    /// Words on people at the door, as they were given; the last counts.
    pub decided: Vec<Decided>,
    /// Who was shut out alone, not with all who came by the same invite.
    shut_out: Vec<PeerKey>,
    /// Words on who is to be seen whatever happens, one for each; a word that was said in the meeting since takes it back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pins: Vec<Pin>,
}

/// A word on whether somebody is to be seen whatever happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pin {
    /// Whom.
    pub who: PeerKey,
    /// From now on.
    pub pinned: bool,
}

/// A word on somebody at the door.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decided {
    /// The beginning of its key, as people are shown it.
    pub who: String,
    /// Let in, or turned away.
    pub admit: bool,
}

/// One guest's invite.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Guest {
    /// The invite.
    pub invite: InviteId,
    /// Who came by it, in this order; by a link many.
    pub peers: Vec<PeerKey>,
    /// Shut out for good.
    pub removed: bool,
}

impl Drop for Meeting {
    fn drop(&mut self) {
        self.issuer.zeroize();
        self.organiser.zeroize();
        self.leases.zeroize();
    }
}

impl Meeting {
    /// A new meeting. Nothing is kept before [`Meeting::create`].
    pub fn new(issuer: &Issuer, organiser: &Identity, organiser_invite: InviteId, ends: UnixTime) -> Meeting {
        Meeting {
            version: VERSION,
            id: issuer.meeting(),
            issuer: *issuer.seed().expose(),
            organiser: *organiser.seed().expose(),
            organiser_invite,
            guests: Vec::new(),
            leases: Vec::new(),
            contacts: Vec::new(),
            port: 0,
            term: 0,
            ends,
            locked: false,
            decided: Vec::new(),
            shut_out: Vec::new(),
            pins: Vec::new(),
        }
    }

    /// The meeting's random id.
    pub fn id(&self) -> MeetingId {
        self.id
    }

    /// The key that signs its invites and grants.
    pub fn issuer(&self) -> Issuer {
        Issuer::from_seed(self.id, &Secret::take(&mut self.issuer.to_owned()))
    }

    /// The organiser's own key in the meeting.
    pub fn organiser(&self) -> Identity {
        Identity::from_seed(&Secret::take(&mut self.organiser.to_owned()))
    }

    /// Everything that was shut out.
    pub fn removed(&self) -> Removed {
        let invites = self.guests.iter().filter(|guest| guest.removed).map(|guest| guest.invite);
        let peers = self.shut_out.iter().copied().map(Removal::Peer);
        invites.map(Removal::Invite).chain(peers).collect()
    }

    /// Shuts out for good.
    pub fn remove(&mut self, removal: Removal) -> Outcome {
        match removal {
            Removal::Invite(invite) => {
                let others = self.guests.iter().filter(|guest| guest.removed && guest.invite != invite);
                if others.count() >= INVITES_MAX {
                    return Err(Fail::usage(format!(
                        "{INVITES_MAX} invites were removed, and no more can be: make another meeting, and invite those \
                         who are to stay"
                    )));
                }
                let guest = self.guests.iter_mut().find(|guest| guest.invite == invite);
                guest.ok_or_else(|| Fail::usage("that guest is not in the meeting any more"))?.removed = true;
            }
            Removal::Peer(peer) if self.shut_out.contains(&peer) => {}
            Removal::Peer(_) if self.shut_out.len() >= PEERS_MAX => {
                return Err(Fail::usage(format!(
                    "{PEERS_MAX} people were removed one by one, and no more can be: remove the link that they came by, \
                     with 'canopy remove' and its number"
                )));
            }
            Removal::Peer(peer) => self.shut_out.push(peer),
        }
        Ok(())
    }

    /// Who is to be seen whatever happens, or no longer, by the last word on each.
    pub fn pins(&self) -> &[Pin] {
        &self.pins
    }

    /// Takes a word on somebody; it replaces the last.
    pub fn pin(&mut self, pin: Pin) -> Outcome {
        self.pins.retain(|other| other.who != pin.who);
        if self.pins.len() >= PINS_MAX {
            let done = self.pins.iter().position(|other| !other.pinned).ok_or_else(|| {
                Fail::usage(format!(
                    "{PINS_MAX} people are pinned, and no more can be: unpin somebody with 'canopy pin' and '--off'"
                ))
            })?;
            self.pins.remove(done);
        }
        self.pins.push(pin);
        Ok(())
    }

    /// Somebody said otherwise in the meeting since: this word counts no longer.
    pub fn take_back(&mut self, pin: Pin) {
        self.pins.retain(|other| *other != pin);
    }

    /// Which keys came by which invites.
    pub fn bindings(&self) -> impl Iterator<Item = (InviteId, PeerKey)> + '_ {
        self.guests.iter().flat_map(|guest| guest.peers.iter().map(|peer| (guest.invite, *peer)))
    }
}

/// Where a meeting's file is.
#[derive(Clone, Debug)]
pub struct MeetingFile(PathBuf);

impl MeetingFile {
    /// The file of the meeting that its organiser calls `name`.
    pub fn named(name: &str) -> Outcome<MeetingFile> {
        let plain = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
        if name.is_empty() || name.len() > 64 || !name.chars().all(plain) {
            return Err(Fail::usage(format!(
                "'{name}' can't name a meeting: use up to 64 letters, digits, '-' and '_'"
            )));
        }
        Ok(MeetingFile(folder()?.join(name).with_extension(EXTENSION)))
    }

    /// The file of the meeting with this id, if its organiser uses this machine and user.
    pub fn of(id: MeetingId) -> Outcome<Option<MeetingFile>> {
        let Ok(entries) = std::fs::read_dir(folder()?) else { return Ok(None) };
        for path in entries.flatten().map(|entry| entry.path()) {
            if path.extension().is_some_and(|extension| extension == EXTENSION)
                && load(&path).is_ok_and(|meeting| meeting.id == id)
            {
                return Ok(Some(MeetingFile(path)));
            }
        }
        Ok(None)
    }

    /// Writes a new meeting; fails if there is one of that name.
    pub fn create(&self, meeting: &Meeting) -> Outcome {
        home::locked(&self.0, || {
            if self.0.exists() {
                return Err(Fail::usage(format!(
                    "there is a meeting of that name already ({}): choose another name",
                    self.0.display()
                )));
            }
            store(&self.0, meeting)
        })
    }

    /// Reads it.
    pub fn load(&self) -> Outcome<Meeting> {
        load(&self.0)
    }

    /// Erases it.
    pub fn erase(&self) -> Outcome {
        home::locked(&self.0, || home::erase(&self.0))?;
        home::erase(&self.0.with_extension("lock"))
    }

    /// Changes it, while nobody else does.
    pub fn change<T>(&self, change: impl FnOnce(&mut Meeting) -> Outcome<T>) -> Outcome<T> {
        home::locked(&self.0, || {
            let mut meeting = load(&self.0)?;
            let result = change(&mut meeting)?;
            store(&self.0, &meeting)?;
            Ok(result)
        })
    }
}

fn folder() -> Outcome<PathBuf> {
    Ok(folder::of_user()?.join("meetings"))
}

fn load(path: &Path) -> Outcome<Meeting> {
    let bytes = home::read(path)?.ok_or_else(|| {
        Fail::usage(format!("there is no such meeting here ({}): make it with 'canopy new'", path.display()))
    })?;
    decode(&bytes).ok_or_else(|| {
        Fail::failed(format!(
            "{} is damaged or was written by another version of canopy: make a new meeting",
            path.display()
        ))
    })
}

fn decode(bytes: &[u8]) -> Option<Meeting> {
    canopy_codec::decode_strict::<Meeting>(bytes, FILE_MAX).ok().filter(|meeting| meeting.version == VERSION)
}

fn encode(meeting: &Meeting) -> Result<Zeroizing<Vec<u8>>, canopy_codec::Error> {
    canopy_codec::encode(meeting, FILE_MAX).map(Zeroizing::new)
}

fn store(path: &Path, meeting: &Meeting) -> Outcome {
    let bytes =
        encode(meeting).map_err(|error| Fail::failed(format!("the meeting can't be kept: {error}")))?;
    home::write(path, &bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::entropy;

    #[test]
    fn what_no_kick_list_could_hold_is_refused_and_said() {
        let mut rng = entropy::rng();
        let (issuer, organiser) = (Issuer::generate(&mut rng), Identity::generate(&mut rng));
        let mut meeting = Meeting::new(&issuer, &organiser, InviteId::generate(&mut rng), UnixTime(1));
        let invites: Vec<InviteId> = (0..=INVITES_MAX).map(|_| InviteId::generate(&mut rng)).collect();
        let guest = |invite: &InviteId| Guest { invite: *invite, peers: Vec::new(), removed: false };
        meeting.guests = invites.iter().map(guest).collect();
        for invite in &invites[1..] {
            assert!(meeting.remove(Removal::Invite(*invite)).is_ok());
        }
        assert!(meeting.remove(Removal::Invite(invites[0])).is_err());
        assert!(meeting.remove(Removal::Invite(invites[1])).is_ok(), "it is removed already");
        assert_eq!(meeting.removed().iter().count(), INVITES_MAX);
    }

    #[test]
    fn the_last_word_on_somebody_counts_and_pins_are_bounded() {
        let mut meeting = filled();
        let pin = |n: usize, pinned| Pin {
            who: PeerKey([n as u8, (n >> 8) as u8].repeat(16).try_into().unwrap()),
            pinned,
        };
        meeting.pins.clear();
        for n in 0..PINS_MAX {
            assert!(meeting.pin(pin(n, true)).is_ok());
        }
        assert!(meeting.pin(pin(PINS_MAX, true)).is_err());
        assert!(meeting.pin(pin(0, true)).is_ok(), "it is pinned already");
        assert!(meeting.pin(pin(1, false)).is_ok());
        assert!(meeting.pin(pin(PINS_MAX, true)).is_ok(), "there is room again");
        assert!(meeting.pins().iter().all(|pin| pin.pinned) && meeting.pins().len() == PINS_MAX);
    }

    #[test]
    fn one_word_is_taken_back_and_a_newer_one_stays() {
        let mut meeting = filled();
        let [pin] = meeting.pins[..] else { panic!("one") };
        meeting.take_back(Pin { pinned: !pin.pinned, ..pin });
        assert_eq!(meeting.pins(), [pin]);
        meeting.take_back(pin);
        assert_eq!(meeting.pins(), []);
    }

    #[test]
    fn a_file_from_before_there_were_pins_is_read() {
        let mut meeting = filled();
        meeting.pins.clear();
        let bytes = encode(&meeting).unwrap();
        let with = encode(&filled()).unwrap();
        assert_eq!(bytes[0] + 1, with[0], "without pins the map has a field less, as it had before");
        assert!(decode(&bytes).is_some_and(|meeting| meeting.pins().is_empty()));
    }

    fn filled() -> Meeting {
        let mut rng = entropy::rng();
        let (issuer, organiser) = (Issuer::generate(&mut rng), Identity::generate(&mut rng));
        let invite = InviteId::generate(&mut rng);
        let mut meeting = Meeting::new(&issuer, &organiser, invite, UnixTime(1_800_000_000_000));
        let peers = vec![PeerKey([1; 32]), PeerKey([2; 32])];
        meeting.guests = vec![Guest { invite, peers, removed: true }];
        meeting.leases = vec!["canopy-lease:x".into()];
        meeting.contacts = vec!["/ip4/192.0.2.1/udp/4001/quic-v1".into()];
        meeting.decided = vec![Decided { who: "abcdefgh".into(), admit: true }];
        meeting.shut_out = vec![PeerKey([3; 32])];
        meeting.pins = vec![Pin { who: PeerKey([1; 32]), pinned: true }];
        meeting
    }

    proptest! {
        /// What is read from a file that was damaged is a meeting as this program would write it, or nothing.
        #[test]
        fn a_damaged_file_is_refused_or_says_what_it_says(
            bytes in proptest::collection::vec(any::<u8>(), 0..400),
            at in any::<usize>(),
            bits in 1..=255_u8,
            cut in any::<bool>(),
        ) {
            let mut damaged = encode(&filled()).unwrap().to_vec();
            let at = at % damaged.len();
            if cut { damaged.truncate(at) } else { damaged[at] ^= bits }
            prop_assert!(decode(&bytes).is_none());
            if let Some(meeting) = decode(&damaged) {
                prop_assert!(!cut);
                let again = encode(&meeting).unwrap();
                prop_assert_eq!(again.as_slice(), damaged.as_slice());
                // Whatever it says can be used.
                let _ = (meeting.issuer().public(), meeting.organiser().public(), meeting.removed());
                prop_assert!(meeting.bindings().count() <= 2);
            }
        }
    }
}
