//! Who this node is in a meeting: the organiser with its meeting file, or a guest with a key of its own.

use std::fs::OpenOptions;
use std::path::PathBuf;
use std::sync::Arc;

use data_encoding::HEXLOWER;
use fd_lock::{RwLock, RwLockWriteGuard};
use keyagree::credential::Role;
use keyagree::identity::{Identity, InviteId, MeetingId, PeerKey};
use keyagree::invite::Invite;
use keyagree::lease::Lease;
use keyagree::session::{Past, next_term};
use keyagree::suite::Secret;

use crate::args::Place;
use crate::fail::{Fail, Outcome};
use crate::meeting::MeetingFile;
use crate::place::Spot;
use crate::{clock, entropy, folder, home};

/// A place in a meeting, taken by this process alone.
pub struct Seat {
    /// The invite that it stands on.
    pub invite: Invite,
    /// This node's key.
    pub identity: Arc<Identity>,
    /// Where it listens.
    pub spot: Spot,
    /// Whom to look for.
    pub bootstrap: Vec<String>,
    /// What only the organiser has.
    pub chair: Option<Chair>,
    // Two processes with one key would be cut off by turns.
    _alone: RwLockWriteGuard<'static, std::fs::File>,
}

/// What an organiser's node coordinates from.
pub struct Chair {
    /// The meeting's file.
    pub file: MeetingFile,
    /// What was agreed before this process began.
    pub past: Past,
}

impl Seat {
    /// Takes the seat that an invite is for.
    /// With `hides` it listens nowhere, and looks for relays only.
    pub fn take(invite: Invite, place: &Place, hides: bool) -> Outcome<Seat> {
        match invite.role() {
            Role::Organiser if hides => Err(Fail::usage(
                "--hide-ip is for guests: the organiser's address is in every invite. Leave it out, or have somebody else organise",
            )),
            Role::Organiser => Seat::organiser(invite, place),
            _ if hides && invite.relays().is_empty() => Err(Fail::usage(
                "this invite names no relay, and with --hide-ip nobody else may see this machine's address: ask the organiser \
                 to have a relay lent ('canopy lend') and then to make you a new invite ('canopy invite'), or leave --hide-ip out",
            )),
            _ => Seat::guest(invite, place, hides),
        }
    }

    fn organiser(invite: Invite, place: &Place) -> Outcome<Seat> {
        let file = MeetingFile::of(invite.meeting())?.ok_or_else(|| {
            Fail::failed(
                "the organiser's invite works only on the machine and for the user that ran 'canopy new': \
                 join there, or with a guest's invite",
            )
        })?;
        let alone = alone(&key_path(&invite)?)?;
        file.change(|meeting| {
            meeting.term = next_term(clock::unix(), meeting.term);
            Ok(())
        })?;
        let meeting = file.load()?;
        let place = Place { port: if place.port == 0 { meeting.port } else { place.port }, ..place.clone() };
        let past = Past {
            term: meeting.term,
            bindings: meeting.bindings().collect(),
            removed: meeting.removed(),
            locked: meeting.locked,
        };
        let bootstrap = meeting
            .leases
            .iter()
            .filter_map(|line| Lease::from_line(line).ok())
            .flat_map(|lease| lease.contacts().to_vec())
            .collect();
        Ok(Seat {
            identity: Arc::new(meeting.organiser()),
            spot: Spot::choose(&place)?,
            bootstrap,
            chair: Some(Chair { file, past }),
            invite,
            _alone: alone,
        })
    }

    /// A guest's key is kept, so that it can come back after a crash under the same invite.
    fn guest(invite: Invite, place: &Place, hides: bool) -> Outcome<Seat> {
        let path = key_path(&invite)?;
        let alone = alone(&path)?;
        let kept = home::read(&path)?.and_then(|bytes| <[u8; 32]>::try_from(&bytes[..]).ok());
        let identity = match kept {
            Some(mut seed) => Identity::from_seed(&Secret::take(&mut seed)),
            None => {
                let identity = Identity::generate(&mut entropy::rng());
                home::write(&path, identity.seed().expose())?;
                identity
            }
        };
        let everybody = invite.contacts().iter().chain(invite.relays()).cloned().collect();
        Ok(Seat {
            identity: Arc::new(identity),
            spot: if hides { Spot::nowhere() } else { Spot::choose(place)? },
            bootstrap: if hides { invite.relays().to_vec() } else { everybody },
            chair: None,
            invite,
            _alone: alone,
        })
    }

    /// This node's name.
    pub fn me(&self) -> PeerKey {
        self.identity.public()
    }

    /// What it shows at each link.
    pub fn credential(&self) -> Vec<u8> {
        self.invite.credential(&self.identity, clock::unix())
    }
}

/// Erases the keys that this user kept for one meeting, of one invite or of all.
pub fn forget(meeting: MeetingId, invite: Option<InviteId>) -> Outcome<usize> {
    let mut beginning = format!("{}-", HEXLOWER.encode(&meeting.0));
    if let Some(invite) = invite {
        beginning.push_str(&HEXLOWER.encode(&invite.0));
    }
    let Ok(entries) = std::fs::read_dir(folder::of_user()?.join("joined")) else { return Ok(0) };
    let mine = |path: &PathBuf| {
        path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with(&beginning))
    };
    let paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(mine).collect();
    paths.iter().try_for_each(|path| home::erase(path))?;
    Ok(paths.len())
}

fn key_path(invite: &Invite) -> Outcome<PathBuf> {
    let name = format!("{}-{}", HEXLOWER.encode(&invite.meeting().0), HEXLOWER.encode(&invite.id().0));
    Ok(folder::of_user()?.join("joined").join(name).with_extension("key"))
}

/// Makes sure that no other process of this user sits on the same invite, for as long as this one runs.
fn alone(key: &std::path::Path) -> Outcome<RwLockWriteGuard<'static, std::fs::File>> {
    let path = key.with_extension("inuse");
    home::locked(&path, || Ok(()))?;
    let file =
        OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(Fail::failed)?;
    // The lock lives as long as the process.
    let lock = Box::leak(Box::new(RwLock::new(file)));
    lock.try_write().map_err(|_| {
        Fail::failed("another canopy on this machine is in the meeting with this invite: stop it first, or use another invite")
    })
}
