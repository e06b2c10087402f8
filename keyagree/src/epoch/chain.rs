//! The pairwise chain of a coordinator (or a deputy) and one member: each step wraps one epoch secret and
//! is then gone. HPKE gives it its root, and a fresh one every ten minutes. Beside it, letters are sealed under
//! a key that lasts as long as the chain.

use zeroize::Zeroizing;

use crate::suite::{Secret, derive, digest, secret_of, unwrap_once, wrap_once};
use crate::wire::WRAP_LEN;

/// How many wraps a member may have missed and still open the next.
const AHEAD_MAX: u32 = 16;

/// One end of a chain.
pub(crate) struct PairChain {
    key: Secret,
    step: u32,
    letters: Secret,
}

impl PairChain {
    /// Begins at what HPKE's exporter gave to both ends.
    pub(crate) fn new(pair: Secret) -> PairChain {
        let letters = derive("canopy/4/letters", &[pair.expose()]);
        PairChain { key: pair, step: 0, letters }
    }

    /// Wraps an epoch's secret for the other end, and steps. [`WRAP_LEN`] bytes: the step, then secret
    /// and AEAD tag. `record` is bound.
    pub(crate) fn wrap(&mut self, record: &[u8; 32], secret: &Secret) -> Vec<u8> {
        let mut wrap = Vec::with_capacity(WRAP_LEN);
        wrap.extend_from_slice(&self.step.to_be_bytes());
        wrap.extend(wrap_once(&wrap_key(&self.key), record, secret.expose()));
        self.key = next(&self.key);
        self.step += 1;
        wrap
    }

    /// Opens a wrap and steps behind it. One that is forged, or of a step that is gone, changes nothing.
    pub(crate) fn unwrap(&mut self, record: &[u8; 32], wrap: &[u8]) -> Option<Secret> {
        let (step, sealed) = wrap.split_first_chunk::<4>()?;
        let step = u32::from_be_bytes(*step);
        let ahead = step.checked_sub(self.step).filter(|ahead| *ahead <= AHEAD_MAX)?;
        let mut key = next(&self.key);
        let mut at = wrap_key(&self.key);
        for _ in 0..ahead {
            at = wrap_key(&key);
            key = next(&key);
        }
        let secret = secret_of(&unwrap_once(&at, record, sealed)?)?;
        (self.key, self.step) = (key, step.checked_add(1)?);
        Some(secret)
    }

    /// Seals what the other end alone is to read; no step is used for it. 32 bytes, by which each text has a key of
    /// its own, then the text and its tag.
    pub(crate) fn seal_letter(&self, text: &[u8]) -> Vec<u8> {
        let salt = digest("canopy/4/letter-salt", &[self.letters.expose(), text]);
        let mut sealed = salt.to_vec();
        sealed.extend(wrap_once(&self.letter_key(&salt), b"", text));
        sealed
    }

    /// Opens what [`PairChain::seal_letter`] made at the other end.
    pub(crate) fn open_letter(&self, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (salt, sealed) = sealed.split_first_chunk::<32>()?;
        unwrap_once(&self.letter_key(salt), b"", sealed)
    }

    fn letter_key(&self, salt: &[u8; 32]) -> Secret {
        derive("canopy/4/letter-key", &[self.letters.expose(), salt])
    }
}

fn wrap_key(key: &Secret) -> Secret {
    derive("canopy/1/wrap-key", &[key.expose()])
}

fn next(key: &Secret) -> Secret {
    derive("canopy/1/wrap-next", &[key.expose()])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain(byte: u8) -> PairChain {
        PairChain::new(Secret::take(&mut [byte; 32]))
    }

    #[test]
    fn a_wrap_opens_once_for_its_member_and_record_and_some_may_be_missed() {
        let (mut here, mut there, mut other) = (chain(1), chain(1), chain(2));
        let secret = Secret::take(&mut [9; 32]);
        let wrap = here.wrap(&[7; 32], &secret);
        assert_eq!(wrap.len(), WRAP_LEN);
        assert!(there.unwrap(&[8; 32], &wrap).is_none(), "another record");
        assert!(other.unwrap(&[7; 32], &wrap).is_none(), "another member");
        assert!(there.unwrap(&[7; 32], &wrap).unwrap().same(&secret));
        assert!(there.unwrap(&[7; 32], &wrap).is_none(), "a step opens once");
        for _ in 0..AHEAD_MAX {
            here.wrap(&[0; 32], &secret);
        }
        let late = here.wrap(&[5; 32], &secret);
        let mut far = late.clone();
        far[..4].copy_from_slice(&(AHEAD_MAX + 2).to_be_bytes());
        assert!(there.unwrap(&[5; 32], &far).is_none(), "too far ahead");
        assert!(there.unwrap(&[5; 32], &late).is_some());
    }

    #[test]
    fn a_letter_opens_at_the_other_end_whatever_steps_were_made() {
        let (mut here, there, other) = (chain(1), chain(1), chain(2));
        here.wrap(&[7; 32], &Secret::take(&mut [9; 32]));
        let mut sealed = here.seal_letter(b"by which invite");
        assert_eq!(there.open_letter(&sealed).as_deref().map(Vec::as_slice), Some(&b"by which invite"[..]));
        assert!(other.open_letter(&sealed).is_none());
        assert_ne!(sealed[..32], here.seal_letter(b"another text")[..32]);
        sealed[40] ^= 1;
        assert!(there.open_letter(&sealed).is_none());
    }
}
