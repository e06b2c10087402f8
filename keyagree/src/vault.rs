//! Where secrets lie: memory that the system keeps out of its swap and out of dumps, as far as it lets this user lock memory.
//!
//! A page is the least that can be locked, and an ordinary user may lock some 8 MiB: a page for each of the ten thousand
//! chains of a large meeting would be five times that. So secrets share pages; all of such a meeting take 0.4 MB. What is
//! beyond the limit lies in ordinary memory.
//!
//! Not in here: copies on the stack while a key is used, and an identity's signing key, of which the transport has a copy.

use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use memmap2::MmapMut;

/// A secret's place, as a slice of one.
pub(crate) type Place = &'static mut [[u8; 32]];

/// Bytes that are locked at once.
const CHUNK: usize = 16 * 1024;

struct Vault {
    free: Vec<Place>,
    locked: usize,
    open: usize,
}

static VAULT: Mutex<Vault> = Mutex::new(Vault { free: Vec::new(), locked: 0, open: 0 });

/// How much memory there is for secrets, in bytes. It is kept for further ones when secrets are wiped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// Never in the swap.
    pub locked: usize,
    /// As all other memory: more than this user may lock.
    pub open: usize,
}

/// Locks the first memory; to be called once, before there are secrets. The error says why they will lie in ordinary memory.
pub fn lock() -> io::Result<()> {
    vault().grow()
}

/// How far it reaches by now.
pub fn extent() -> Extent {
    let vault = vault();
    Extent { locked: vault.locked, open: vault.open }
}

/// A place that is nobody else's; all zeros.
pub(crate) fn take() -> Place {
    let mut vault = vault();
    loop {
        if let Some(place) = vault.free.pop() {
            return place;
        }
        // What can't be locked is used all the same.
        let _ = vault.grow();
    }
}

/// Whoever gives a place back has wiped it.
pub(crate) fn give_back(place: Place) {
    vault().free.push(place);
}

fn vault() -> MutexGuard<'static, Vault> {
    VAULT.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Vault {
    fn grow(&mut self) -> io::Result<()> {
        let mapped = MmapMut::map_anon(CHUNK).and_then(|map| {
            map.lock()?;
            #[cfg(target_os = "linux")]
            map.advise(memmap2::Advice::DontDump)?;
            Ok(map)
        });
        let (bytes, outcome): (&'static mut [u8], _) = match mapped {
            Ok(map) => (&mut Box::leak(Box::new(map))[..], Ok(())),
            Err(error) => (Box::leak(vec![0; CHUNK].into_boxed_slice()), Err(error)),
        };
        match outcome {
            Ok(()) => self.locked += CHUNK,
            Err(_) => self.open += CHUNK,
        }
        self.free.extend(bytes.as_chunks_mut().0.chunks_mut(1));
        outcome
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::Secret;

    #[test]
    fn secrets_have_places_of_their_own_and_leave_them_wiped() {
        let secrets: Vec<Secret> = (0..2_000_u16).map(|n| Secret::take(&mut [n as u8; 32])).collect();
        assert!((0..2_000_u16).all(|n| *secrets[usize::from(n)].expose() == [n as u8; 32]));
        let places: std::collections::BTreeSet<*const [u8; 32]> =
            secrets.iter().map(|secret| std::ptr::from_ref(secret.expose())).collect();
        assert_eq!(places.len(), secrets.len());
        let Extent { locked, open } = extent();
        assert!(locked + open >= 2_000 * 32);
        drop(secrets);
        assert!(vault().free.iter().all(|place| place[0] == [0; 32]), "wiped");
        let again = extent();
        assert!(again.locked + again.open < 2 * (locked + open), "places are used again");
    }
}
