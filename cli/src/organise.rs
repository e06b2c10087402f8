//! What an organiser does outside of the meeting: make it, invite, take leases in, remove guests.

use keyagree::UnixTime;
use keyagree::credential::Role;
use keyagree::identity::{Identity, PeerKey};
use keyagree::issuer::Issuer;
use keyagree::lease::Lease;
use keyagree::removed::Removal;
use zeroize::Zeroizing;

use crate::args::{self, AtTheDoor, Forget, Lend, Lock, MoreInvites, New, Remove};
use crate::fail::{Fail, Outcome};
use crate::meeting::{DECIDED_MAX, Decided, GUESTS_MAX, Guest, LEASES_MAX, Meeting, MeetingFile, Pin};
use crate::pasted::Kind;
use crate::place::Spot;
use crate::{clock, entropy, invitation, seat};

/// Contacts of the organiser that an invite carries, and of relays: enough to find somebody, short enough to paste.
const CONTACTS_MAX: usize = 8;
/// The first guests may coordinate should the organiser be gone.
const DEPUTIES: usize = 2;

/// `canopy new`
pub fn new(args: New) -> Outcome {
    let file = MeetingFile::named(&args.name)?;
    let mut rng = entropy::rng();
    let (issuer, organiser) = (Issuer::generate(&mut rng), Identity::generate(&mut rng));
    let spot = Spot::choose(&args.place)?;
    let contacts = spot.contacts(organiser.public());
    let (now, expires) = (clock::unix(), after(args.expires));
    let own = issuer
        .issue_invite(&mut rng, Role::Organiser, contacts.clone(), now, expires)
        .map_err(Fail::failed)?;
    let mut meeting = Meeting::new(&issuer, &organiser, own.id(), expires);
    meeting.contacts = contacts;
    meeting.port = spot.port;
    take_leases(&mut meeting, read_leases(&args.lease)?)?;
    let mut lines = vec![own.to_line()];
    lines.extend(issue(&mut meeting, args.guests, 1, None, expires)?);
    file.create(&meeting)?;
    eprintln!(
        "The first line is your own invite; each further line lets one guest in. Send each in an encrypted chat."
    );
    print(&lines);
    Ok(())
}

/// `canopy invite`
pub fn invite(args: MoreInvites) -> Outcome {
    let expires = after(args.expires);
    let lines = MeetingFile::named(&args.name)?.change(|meeting| {
        meeting.ends = meeting.ends.max(expires);
        let role = args.co_host.then_some(Role::CoHost);
        issue(meeting, args.link.map_or(args.guests, |_| 1), args.link.unwrap_or(1), role, expires)
    })?;
    print(&lines);
    Ok(())
}

/// `canopy lend`
pub fn lend(args: Lend) -> Outcome {
    let file = MeetingFile::named(&args.name)?;
    let leases = if args.lease.is_empty() { vec![read_lease(None)?] } else { read_leases(&args.lease)? };
    file.change(|meeting| take_leases(meeting, leases))
}

/// `canopy remove`
pub fn remove(args: Remove) -> Outcome {
    MeetingFile::named(&args.name)?.change(|meeting| {
        let removal = whom(meeting, &args.guest)?;
        if meeting.removed().contains(&removal) {
            return Err(Fail::usage(format!("guest {} was removed already", args.guest)));
        }
        meeting.remove(removal)
    })?;
    eprintln!("Guest {} is shut out: at once if the meeting runs, else when it does.", args.guest);
    Ok(())
}

/// Whom a number, or the beginning of a key, means.
fn whom(meeting: &Meeting, guest: &str) -> Outcome<Removal> {
    match short_key(guest) {
        Some(who) => came_as(meeting, &who).map(Removal::Peer),
        None => invited_as(meeting, guest).map(|invited| Removal::Invite(invited.invite)),
    }
}

/// Who came with a key that begins so.
fn came_as(meeting: &Meeting, who: &str) -> Outcome<PeerKey> {
    let mut came = meeting.bindings().map(|(_, peer)| peer).filter(|peer| peer.short() == who);
    match (came.next(), came.next()) {
        (Some(peer), None) => Ok(peer),
        (None, _) => Err(Fail::usage(format!("nobody has come to the meeting whose key begins with {who}"))),
        (Some(_), Some(_)) => Err(Fail::usage(format!(
            "the keys of two guests begin with {who}: choose the right one in the meeting's page"
        ))),
    }
}

/// Whose invite has this number.
fn invited_as<'a>(meeting: &'a Meeting, number: &str) -> Outcome<&'a Guest> {
    let index = number.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
    index.and_then(|index| meeting.guests.get(index)).ok_or_else(|| {
        Fail::usage(format!(
            "there is no guest {number}: the meeting has guests 1 to {}",
            meeting.guests.len()
        ))
    })
}

/// `canopy pin`
pub fn pin(args: args::Pin) -> Outcome {
    let args::Pin { name, who, off } = args;
    MeetingFile::named(&name)?.change(|meeting| {
        let peer = one(meeting, &who)?;
        meeting.pin(Pin { who: peer, pinned: !off })
    })?;
    match off {
        false => eprintln!(
            "Guest {who} is pinned while they are there: at once if the meeting runs, else when it does."
        ),
        true => eprintln!("Guest {who} is pinned no longer."),
    }
    Ok(())
}

/// The one person whom a number, or the beginning of a key, means, and who may come.
fn one(meeting: &Meeting, who: &str) -> Outcome<PeerKey> {
    let peer = match short_key(who) {
        Some(key) => came_as(meeting, &key)?,
        None => match invited_as(meeting, who)?.peers[..] {
            [peer] => peer,
            [] => {
                return Err(Fail::usage(format!(
                    "guest {who} has not come yet: pin them once they are there"
                )));
            }
            _ => {
                return Err(Fail::usage(format!(
                    "several people came by invite {who}: give the eight letters and digits of one's key, as the \
                     organiser's node showed them at the door"
                )));
            }
        },
    };
    let removed = meeting.removed();
    let out = |invite| removed.contains(&Removal::Invite(invite));
    let by = meeting.bindings().any(|(invite, other)| other == peer && out(invite));
    if by || removed.contains(&Removal::Peer(peer)) {
        return Err(Fail::usage(format!(
            "guest {who} was removed: only those who are in the meeting are pinned"
        )));
    }
    Ok(peer)
}

/// The beginning of a key, as people are shown it.
fn short_key(text: &str) -> Option<String> {
    let whole = text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    whole.then(|| text.to_ascii_lowercase())
}

/// `canopy admit`, `canopy deny`
pub fn decide(args: AtTheDoor, admit: bool) -> Outcome {
    let who = short_key(&args.who).ok_or_else(|| {
        Fail::usage(format!(
            "'{}' can't wait at the door: give the eight letters and digits that the organiser's node showed",
            args.who
        ))
    })?;
    MeetingFile::named(&args.name)?.change(|meeting| {
        meeting.decided.retain(|decided| decided.who != who);
        if meeting.decided.len() >= DECIDED_MAX {
            meeting.decided.remove(0);
        }
        meeting.decided.push(Decided { who, admit });
        Ok(())
    })
}

/// `canopy lock`
pub fn lock(args: Lock) -> Outcome {
    MeetingFile::named(&args.name)?.change(|meeting| {
        meeting.locked = !args.off;
        Ok(())
    })
}

/// `canopy forget`
pub fn forget(args: Forget) -> Outcome {
    let named = MeetingFile::named(&args.meeting).and_then(|file| Ok((file.load()?.id(), file)));
    let erased = match named {
        Ok((id, file)) => {
            let keys = seat::forget(id, None)?;
            file.erase()?;
            keys + 1
        }
        Err(not_mine) => {
            let Ok(invite) = invitation::any(Some(&args.meeting)) else { return Err(not_mine) };
            seat::forget(invite.meeting(), Some(invite.id()))?
        }
    };
    if erased == 0 {
        return Err(Fail::usage("nothing is kept of that meeting on this machine, for this user"));
    }
    eprintln!("Erased.");
    Ok(())
}

fn after(span: std::time::Duration) -> UnixTime {
    clock::unix().plus_ms(span.as_millis() as u64)
}

/// Makes invites, and notes them in the meeting.
fn issue(
    meeting: &mut Meeting,
    guests: u16,
    uses: u16,
    role: Option<Role>,
    expires: UnixTime,
) -> Outcome<Vec<Zeroizing<String>>> {
    if meeting.guests.len() + usize::from(guests) > GUESTS_MAX {
        return Err(Fail::usage(format!("a meeting has room for {GUESTS_MAX} guests")));
    }
    let (issuer, mut rng) = (meeting.issuer(), entropy::rng());
    let mut contacts = meeting.contacts.clone();
    contacts.truncate(CONTACTS_MAX);
    let relays = relays(meeting)?;
    (0..guests)
        .map(|_| {
            // A link is for people who are not known yet: none of them leads.
            let first = meeting.guests.len() < DEPUTIES && uses == 1;
            let role = role.unwrap_or(if first { Role::Deputy } else { Role::Guest });
            let invite = issuer
                .issue_link(&mut rng, role, uses, contacts.clone(), clock::unix(), expires)
                .and_then(|invite| invite.with_relays(relays.clone()))
                .map_err(Fail::failed)?;
            meeting.guests.push(Guest { invite: invite.id(), peers: Vec::new(), removed: false });
            Ok(invite.to_line())
        })
        .collect()
}

/// Where the relays are whose leases have not ended: one contact of each, then the next of each.
fn relays(meeting: &Meeting) -> Outcome<Vec<String>> {
    let leases = meeting.leases.iter().map(|line| Lease::from_line(line).map_err(Fail::failed));
    let leases: Vec<Lease> = leases.collect::<Outcome<_>>()?;
    let lent: Vec<&Lease> = leases.iter().filter(|lease| lease.check(clock::unix()).is_ok()).collect();
    let turns = lent.iter().map(|lease| lease.contacts().len()).max().unwrap_or(0);
    let in_turn = (0..turns).flat_map(|turn| lent.iter().filter_map(move |lease| lease.contacts().get(turn)));
    Ok(in_turn.take(CONTACTS_MAX).cloned().collect())
}

/// What volunteers sent: whoever reads a lease line before it is claimed can have its capacity.
const LEASE: Kind = Kind { name: "a lease", prefix: "canopy-lease:", asked_by: "canopy lend" };

fn read_leases(arguments: &[String]) -> Outcome<Vec<Lease>> {
    arguments.iter().map(|argument| read_lease(Some(argument))).collect()
}

/// Reads and checks a lease; asks for it if there is no argument.
fn read_lease(argument: Option<&str>) -> Outcome<Lease> {
    let lease = Lease::from_line(&LEASE.read(argument)?).map_err(Fail::usage)?;
    lease.check(clock::unix()).map_err(Fail::failed)?;
    Ok(lease)
}

/// Notes leases in the meeting.
fn take_leases(meeting: &mut Meeting, leases: Vec<Lease>) -> Outcome {
    for lease in leases {
        let known = meeting
            .leases
            .iter()
            .any(|other| Lease::from_line(other).is_ok_and(|other| other.id() == lease.id()));
        if known {
            return Err(Fail::usage("that lease is in the meeting already: leave it out"));
        }
        if meeting.leases.len() >= LEASES_MAX {
            return Err(Fail::usage(format!("a meeting has room for {LEASES_MAX} leases")));
        }
        meeting.leases.push(lease.to_line().to_string());
    }
    Ok(())
}

fn print(lines: &[Zeroizing<String>]) {
    for line in lines {
        println!("{}", line.as_str());
    }
}
