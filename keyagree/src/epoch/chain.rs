//! The pairwise chain of the coordinator and one member: each step wraps one epoch secret and is
//! then gone. HPKE gives it a fresh root at each welcome.

use crate::suite::{Secret, derive, digest, secret_of, unwrap_once, wrap_once};
use crate::wire::WRAP_LEN;

/// How many wraps a member may have missed and still find its own.
const AHEAD_MAX: usize = 16;
const TAG: usize = 4;

/// One end of a chain.
pub(crate) struct PairChain {
    key: Secret,
}

impl PairChain {
    /// Begins at what HPKE's exporter gave to both ends.
    pub(crate) fn new(pair: Secret) -> PairChain {
        PairChain { key: pair }
    }

    /// Wraps an epoch's secret for the other end, and steps. [`WRAP_LEN`] bytes: the step's tag, by
    /// which nobody else can tell whose it is, then secret and AEAD tag.
    pub(crate) fn wrap(&mut self, record: &[u8; 32], secret: &Secret) -> Vec<u8> {
        let mut wrap = tag(&self.key).to_vec();
        wrap.extend(wrap_once(&wrap_key(&self.key), record, secret.expose()));
        self.key = next(&self.key);
        wrap
    }

    /// Finds the own wrap among all of a record, opens it and steps behind it.
    pub(crate) fn unwrap(&mut self, record: &[u8; 32], wraps: &[u8]) -> Option<Secret> {
        let mut key = Secret::take(&mut self.key.expose().to_owned());
        for _ in 0..AHEAD_MAX {
            let mine = tag(&key);
            // Tags are short, so two members may share one: only one of the two opens.
            for wrap in wraps.chunks_exact(WRAP_LEN).filter(|wrap| wrap[..TAG] == mine) {
                if let Some(plain) = unwrap_once(&wrap_key(&key), record, &wrap[TAG..]) {
                    self.key = next(&key);
                    return secret_of(&plain);
                }
            }
            key = next(&key);
        }
        None
    }
}

fn wrap_key(key: &Secret) -> Secret {
    derive("canopy/1/wrap-key", &[key.expose()])
}

fn next(key: &Secret) -> Secret {
    derive("canopy/1/wrap-next", &[key.expose()])
}

fn tag(key: &Secret) -> [u8; TAG] {
    let hash = digest("canopy/1/wrap-tag", &[key.expose()]);
    [hash[0], hash[1], hash[2], hash[3]]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain(byte: u8) -> PairChain {
        PairChain::new(Secret::take(&mut [byte; 32]))
    }

    #[test]
    fn each_member_opens_its_own_wrap_once_and_may_miss_some() {
        let (mut here, mut there, mut other) = (chain(1), chain(1), chain(2));
        let secret = Secret::take(&mut [9; 32]);
        let mut wraps = other.wrap(&[7; 32], &secret);
        wraps.extend(here.wrap(&[7; 32], &secret));
        assert_eq!(wraps.len(), 2 * WRAP_LEN);
        assert!(there.unwrap(&[8; 32], &wraps).is_none(), "another record");
        assert!(there.unwrap(&[7; 32], &wraps).unwrap().same(&secret));
        assert!(there.unwrap(&[7; 32], &wraps).is_none(), "a step opens once");
        for _ in 0..AHEAD_MAX - 1 {
            here.wrap(&[0; 32], &secret);
        }
        let late = here.wrap(&[5; 32], &secret);
        assert!(there.unwrap(&[5; 32], &late).is_some());
    }
}
