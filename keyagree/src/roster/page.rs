//! Pages of the roster: 32 seats with their names, sealed to the members of an epoch, each shown to be
//! under the record's root by itself.

use serde::{Deserialize, Serialize};

use crate::credential::Signed;
use crate::identity::PeerKey;
use crate::roster::{DEPTH, Entry, Roster, climb, node};
use crate::suite::{Secret, derive, unwrap_once, wrap_once};
use crate::wire::{Change, Hash, MEMBERS_MAX, NAME_MAX, NameCard, PageNote, SAY_MAX};

/// Seats of a page.
pub const PAGE: usize = 1 << LEVEL;
const LEVEL: usize = 5;
/// Pages of the largest roster.
pub(crate) const PAGES_MAX: usize = MEMBERS_MAX / PAGE;
const BODY_MAX: usize = SAY_MAX - 512;

/// What a page says, before it is sealed.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    taken: Vec<Seated>,
    path: Vec<Hash>,
    /// Pages there are: a hint for whoever wants them all.
    pages: u16,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Seated {
    /// Within the page.
    seat: u8,
    peer: PeerKey,
    request: Hash,
    name: Option<Signed<NameCard>>,
}

/// A page that was opened and is under the root.
pub(crate) struct Page {
    pub(crate) seats: Vec<(u16, Option<Entry>)>,
    pub(crate) names: Vec<Signed<NameCard>>,
    pub(crate) pages: u16,
}

/// Pages that a roster has.
pub(crate) fn count(roster: &Roster) -> u16 {
    u16::try_from(roster.seats().div_ceil(PAGE)).unwrap_or(u16::MAX)
}

/// Seals a page for the members of an epoch, whose secret this is.
pub(crate) fn seal(
    roster: &Roster,
    secret: &Secret,
    page: u16,
    name: impl Fn(&PeerKey) -> Option<Signed<NameCard>>,
) -> Vec<u8> {
    close(secret, page, &plain(roster, page, name))
}

/// What a page says.
pub(crate) fn plain(
    roster: &Roster,
    page: u16,
    name: impl Fn(&PeerKey) -> Option<Signed<NameCard>>,
) -> Vec<u8> {
    let first = usize::from(page) * PAGE;
    let taken = (0..PAGE).filter_map(|offset| {
        let entry = roster.entry(u16::try_from(first + offset).ok()?)?;
        let (peer, request) = (entry.peer, Hash(entry.request));
        Some(Seated { seat: offset as u8, peer, request, name: name(&peer) })
    });
    let path = roster.path(LEVEL, usize::from(page)).into_iter().map(Hash).collect();
    let body = Body { taken: taken.collect(), path, pages: count(roster) };
    canopy_codec::encode(&body, BODY_MAX).unwrap_or_default()
}

/// The same page of the same epoch is the same but for names that came since: each text has its own key.
pub(crate) fn close(secret: &Secret, page: u16, plain: &[u8]) -> Vec<u8> {
    let salt = crate::suite::digest("canopy/2/page-salt", &[plain]);
    let mut sealed = salt.to_vec();
    sealed.extend(wrap_once(&page_key(secret, page, &salt), &page.to_be_bytes(), plain));
    sealed
}

/// Opens a page, and believes it only under `root`.
pub(crate) fn open(note: &PageNote, secret: &Secret, root: &[u8; 32]) -> Option<Page> {
    let (salt, sealed) = note.sealed.split_first_chunk::<32>()?;
    let plain = unwrap_once(&page_key(secret, note.page, salt), &note.page.to_be_bytes(), sealed)?;
    let body: Body = canopy_codec::decode_strict(&plain, BODY_MAX).ok()?;
    let index = usize::from(note.page);
    if index >= PAGES_MAX || body.path.len() != DEPTH - LEVEL || body.taken.len() > PAGE {
        return None;
    }
    let mut seats = [None; PAGE];
    for seated in &body.taken {
        *seats.get_mut(usize::from(seated.seat))? =
            Some(Entry { peer: seated.peer, request: seated.request.0 });
    }
    let mut row: Vec<[u8; 32]> =
        seats.iter().map(|seat| seat.map_or([0; 32], |entry: Entry| entry.leaf())).collect();
    while row.len() > 1 {
        row = row.chunks_exact(2).map(|pair| node(&pair[0], &pair[1])).collect();
    }
    let path: Vec<[u8; 32]> = body.path.iter().map(|hash| hash.0).collect();
    if climb(row[0], index, &path) != *root {
        return None;
    }
    let numbered = seats.into_iter().enumerate().map(|(offset, seat)| ((index * PAGE + offset) as u16, seat));
    let names = body.taken.into_iter().filter_map(|seated| seated.name).collect();
    Some(Page { seats: numbered.collect(), names, pages: body.pages })
}

fn page_key(secret: &Secret, page: u16, salt: &[u8; 32]) -> Secret {
    derive("canopy/2/page-key", &[secret.expose(), &page.to_be_bytes(), salt])
}

/// Seals what a record changed for its members.
pub(crate) fn seal_changes(changes: &[Change], secret: &Secret) -> Vec<u8> {
    close_changes(secret, &canopy_codec::encode(&changes, BODY_MAX).unwrap_or_default())
}

pub(crate) fn close_changes(secret: &Secret, plain: &[u8]) -> Vec<u8> {
    wrap_once(&derive("canopy/2/changes-key", &[secret.expose()]), b"", plain)
}

/// Opens what [`seal_changes`] made. Whether it is true says the record's root.
pub(crate) fn open_changes(sealed: &[u8], secret: &Secret) -> Option<Vec<Change>> {
    let plain = unwrap_once(&derive("canopy/2/changes-key", &[secret.expose()]), b"", sealed)?;
    canopy_codec::decode_strict(&plain, BODY_MAX).ok()
}

/// A name as it travels; `None` if it is too long, empty, or has control characters in it.
pub(crate) fn padded(name: &str) -> Option<[u8; NAME_MAX]> {
    let proper = !name.is_empty() && name.len() <= NAME_MAX && !name.chars().any(char::is_control);
    let mut bytes = [0; NAME_MAX];
    proper.then(|| {
        bytes[..name.len()].copy_from_slice(name.as_bytes());
        bytes
    })
}

/// The name in what travelled.
pub(crate) fn unpadded(bytes: &[u8; NAME_MAX]) -> Option<String> {
    let end = bytes.iter().rposition(|&byte| byte != 0)? + 1;
    let name = std::str::from_utf8(&bytes[..end]).ok()?;
    padded(name).map(|_| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::EpochId;

    #[test]
    fn a_page_counts_only_as_it_was_and_only_under_its_root() {
        let mut roster = Roster::default();
        for byte in 0..70 {
            roster.sit(Entry { peer: PeerKey([byte; 32]), request: [byte; 32] });
        }
        roster.leave(&PeerKey([33; 32]));
        let secret = Secret::take(&mut [9; 32]);
        let epoch = EpochId { term: 1, coordinator: PeerKey([0; 32]), epoch: 0 };
        let note = |page| PageNote { epoch, page, sealed: seal(&roster, &secret, page, |_| None) };
        let page = open(&note(1), &secret, &roster.root()).unwrap();
        assert_eq!((page.seats.len(), page.pages), (32, 3));
        assert_eq!(page.seats[1], (33, None));
        assert_eq!(page.seats[2], (34, roster.entry(34).copied()));
        assert!(open(&PageNote { page: 0, ..note(1) }, &secret, &roster.root()).is_none());
        assert!(open(&note(1), &Secret::take(&mut [8; 32]), &roster.root()).is_none());
        assert!(open(&note(1), &secret, &[0; 32]).is_none());
        let mut bad = note(1);
        bad.sealed[40] ^= 1;
        assert!(open(&bad, &secret, &roster.root()).is_none());
    }

    #[test]
    fn names_are_text_of_one_line() {
        assert_eq!(unpadded(&padded("Žofie").unwrap()).as_deref(), Some("Žofie"));
        for bad in ["", "a\nb", &"x".repeat(NAME_MAX + 1)] {
            assert!(padded(bad).is_none());
        }
        assert_eq!(unpadded(&[255; NAME_MAX]), None);
        assert_eq!(unpadded(&[0; NAME_MAX]), None);
    }
}
