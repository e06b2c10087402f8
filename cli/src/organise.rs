//! What an organiser does outside of the meeting: make it, invite, take leases in, remove guests.

use keyagree::UnixTime;
use keyagree::credential::Role;
use keyagree::identity::Identity;
use keyagree::issuer::Issuer;
use keyagree::lease::Lease;
use zeroize::Zeroizing;

use crate::args::{Lend, MoreInvites, New, Remove};
use crate::fail::{Fail, Outcome};
use crate::meeting::{GUESTS_MAX, Guest, LEASES_MAX, Meeting, MeetingFile};
use crate::place::Spot;
use crate::{clock, entropy};

/// Contacts that an invite carries: enough to find somebody, short enough to paste.
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
    take_leases(&mut meeting, &args.lease)?;
    let mut lines = vec![own.to_line()];
    lines.extend(issue(&mut meeting, args.guests, expires)?);
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
        issue(meeting, args.guests, expires)
    })?;
    print(&lines);
    Ok(())
}

/// `canopy lend`
pub fn lend(args: Lend) -> Outcome {
    MeetingFile::named(&args.name)?.change(|meeting| take_leases(meeting, &args.lease))
}

/// `canopy remove`
pub fn remove(args: Remove) -> Outcome {
    MeetingFile::named(&args.name)?.change(|meeting| {
        let guests = meeting.guests.len();
        let index = (args.guest as usize).checked_sub(1);
        let guest = index.and_then(|index| meeting.guests.get_mut(index)).ok_or_else(|| {
            Fail::usage(format!("there is no guest {}: the meeting has guests 1 to {guests}", args.guest))
        })?;
        if guest.removed {
            return Err(Fail::usage(format!("guest {} was removed already", args.guest)));
        }
        guest.removed = true;
        Ok(())
    })?;
    eprintln!("Guest {} is shut out: at once if the meeting runs, else when it does.", args.guest);
    Ok(())
}

fn after(span: std::time::Duration) -> UnixTime {
    clock::unix().plus_ms(span.as_millis() as u64)
}

/// Makes invites, and notes them in the meeting.
fn issue(meeting: &mut Meeting, guests: u16, expires: UnixTime) -> Outcome<Vec<Zeroizing<String>>> {
    if meeting.guests.len() + usize::from(guests) > GUESTS_MAX {
        return Err(Fail::usage(format!("a meeting has room for {GUESTS_MAX} guests")));
    }
    let (issuer, mut rng) = (meeting.issuer(), entropy::rng());
    let contacts = contacts(meeting)?;
    (0..guests)
        .map(|_| {
            let role = if meeting.guests.len() < DEPUTIES { Role::Deputy } else { Role::Guest };
            let invite = issuer
                .issue_invite(&mut rng, role, contacts.clone(), clock::unix(), expires)
                .map_err(Fail::failed)?;
            meeting.guests.push(Guest { invite: invite.id(), peer: None, removed: false });
            Ok(invite.to_line())
        })
        .collect()
}

/// Whom a guest asks first: the organiser, then the relays.
fn contacts(meeting: &Meeting) -> Outcome<Vec<String>> {
    let mut contacts = meeting.contacts.clone();
    for line in &meeting.leases {
        contacts.extend(Lease::from_line(line).map_err(Fail::failed)?.contacts().iter().cloned());
    }
    contacts.truncate(CONTACTS_MAX);
    Ok(contacts)
}

/// Checks lease lines and notes them in the meeting.
fn take_leases(meeting: &mut Meeting, lines: &[String]) -> Outcome {
    for line in lines {
        let lease = Lease::from_line(line).map_err(Fail::usage)?;
        lease.check(clock::unix()).map_err(Fail::failed)?;
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
