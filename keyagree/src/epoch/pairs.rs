//! A member's pairwise chains: with the coordinator, and in advance with its deputies, so that a fresh
//! secret costs one short wrap whoever draws it.

use std::collections::BTreeMap;

use rand::Rng;
use zeroize::Zeroizing;

use crate::credential::Signed;
use crate::epoch::chain::PairChain;
use crate::epoch::{Effects, chain_info, statement_hash};
use crate::identity::PeerKey;
use crate::io::{Audience, Seat, SessionRng};
use crate::suite::{KeyPair, Secret};
use crate::time::UnixTime;
use crate::wire::{ChainRoot, DEPUTIES_MAX, JoinRequest, Message, Wants};

/// A chain gets a fresh root after this, and up to a ninth more, so that not all ask at once: whoever
/// stole one reads no longer than ten minutes.
pub(crate) const REFRESH_MS: u64 = 9 * 60_000;
/// Deputies are asked within so long after they were named.
const PREPARE_WITHIN_MS: u64 = 2_000;
/// And for each thousand members so much more: a deputy answers some thousand a second.
const PREPARE_WITHIN_PER_1000_MS: u64 = 5_000;
/// An unanswered request for a chain is replaced by a fresh one, each time after twice as long: who can't be
/// reached now isn't worth the traffic.
const ASK_AGAIN_MS: u64 = 10_000;
const DOUBLINGS_MAX: u32 = 5;
/// The coordinator and its deputies.
const PAIRS_MAX: usize = DEPUTIES_MAX + 1;

/// A request under way.
pub(crate) struct Ask {
    pub(crate) keys: KeyPair,
    pub(crate) hash: [u8; 32],
    pub(crate) bytes: Vec<u8>,
}

/// Makes requests, each with a fresh key and nonce, and later than the one before.
#[derive(Default)]
pub(crate) struct Asker {
    last_made_at: UnixTime,
}

impl Asker {
    pub(crate) fn ask(
        &mut self,
        now: UnixTime,
        seat: &Seat,
        rng: &mut SessionRng,
        term: u32,
        wants: Wants,
    ) -> Ask {
        let keys = KeyPair::generate(rng);
        let mut nonce = [0; 16];
        rng.fill_bytes(&mut nonce);
        self.last_made_at = now.max(self.last_made_at.plus_ms(1));
        let request = JoinRequest {
            meeting: seat.meeting,
            peer: seat.identity.public(),
            public: keys.public(),
            nonce,
            made_at: self.last_made_at,
            term,
            wants,
        };
        let hash = statement_hash(&request);
        Ask { keys, hash, bytes: Message::Join(Signed::new(request, &seat.identity)).encode() }
    }
}

#[derive(Default)]
struct Pair {
    chain: Option<PairChain>,
    /// The chain before a refresh: a wrap under it may still be on its way.
    before: Option<PairChain>,
    ask: Option<Ask>,
    /// When to ask, or to ask anew.
    at: UnixTime,
    /// Requests since the last answer.
    asked: u32,
}

/// See the module.
#[derive(Default)]
pub(crate) struct Pairs {
    pairs: BTreeMap<PeerKey, Pair>,
}

impl Pairs {
    /// Keeps chains with these and nobody else; whoever is new is asked soon.
    pub(crate) fn want(&mut self, now: UnixTime, with: &[PeerKey], members: usize, rng: &mut SessionRng) {
        self.pairs.retain(|peer, _| with.contains(peer));
        for peer in with.iter().take(PAIRS_MAX) {
            self.pairs.entry(*peer).or_insert_with(|| {
                let within = PREPARE_WITHIN_MS + members as u64 * PREPARE_WITHIN_PER_1000_MS / 1000;
                Pair { at: now.plus_ms(rng.next_u64() % within), ..Pair::default() }
            });
        }
    }

    pub(crate) fn deadline(&self) -> Option<UnixTime> {
        self.pairs.values().map(|pair| pair.at).min()
    }

    /// Asks for what is due.
    #[allow(clippy::too_many_arguments, reason = "one call; each is the session's own")]
    pub(crate) fn tick(
        &mut self,
        now: UnixTime,
        seat: &Seat,
        rng: &mut SessionRng,
        asker: &mut Asker,
        leader: (u32, PeerKey),
        effects: &mut Effects,
    ) {
        for (peer, pair) in self.pairs.iter_mut().filter(|(_, pair)| now >= pair.at) {
            let ask = asker.ask(now, seat, rng, leader.0, Wants::Chain);
            let to = if *peer == leader.1 { Audience::Coordinator } else { Audience::One(*peer) };
            effects.says.push((to, ask.bytes.clone()));
            pair.ask = Some(ask);
            pair.at = now.plus_ms(ASK_AGAIN_MS << pair.asked.min(DOUBLINGS_MAX));
            pair.asked += 1;
        }
    }

    /// A chain's root came from `from`.
    pub(crate) fn answered(
        &mut self,
        now: UnixTime,
        seat: &Seat,
        rng: &mut SessionRng,
        from: PeerKey,
        signed: &Signed<ChainRoot>,
    ) -> bool {
        let (root, me) = (&signed.value, seat.identity.public());
        let Some(pair) = self.pairs.get_mut(&from) else { return false };
        let Some(ask) = pair.ask.as_ref().filter(|ask| ask.hash == root.request) else { return false };
        if root.to != me || root.meeting != seat.meeting || !signed.signed_by(&from) {
            return false;
        }
        let info = chain_info(&from, &me, &ask.hash);
        let Some((_, secret)) = ask.keys.open(&info, &root.enc, &root.sealed) else { return false };
        self.root(now, rng, from, secret);
        true
    }

    /// A fresh root with this peer, by whichever message.
    pub(crate) fn root(&mut self, now: UnixTime, rng: &mut SessionRng, with: PeerKey, secret: Secret) {
        // A coordinator that nobody named a deputy: the others are named anew.
        if self.pairs.len() >= PAIRS_MAX && !self.pairs.contains_key(&with) {
            self.pairs.clear();
        }
        let pair = self.pairs.entry(with).or_default();
        pair.before = pair.chain.take();
        pair.chain = Some(PairChain::new(secret));
        pair.ask = None;
        pair.asked = 0;
        pair.at = now.plus_ms(REFRESH_MS + rng.next_u64() % (REFRESH_MS / 9));
    }

    pub(crate) fn has(&self, with: &PeerKey) -> bool {
        self.pairs.get(with).is_some_and(|pair| pair.chain.is_some())
    }

    /// Opens a wrap of this peer.
    pub(crate) fn unwrap(&mut self, with: &PeerKey, record: &[u8; 32], wrap: &[u8]) -> Option<Secret> {
        let pair = self.pairs.get_mut(with)?;
        let secret = pair.chain.as_mut().and_then(|chain| chain.unwrap(record, wrap));
        if secret.is_some() {
            pair.before = None;
            return secret;
        }
        pair.before.as_mut().and_then(|chain| chain.unwrap(record, wrap))
    }

    /// Opens a letter of this peer.
    pub(crate) fn open_letter(&self, from: &PeerKey, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let pair = self.pairs.get(from)?;
        pair.chain.iter().chain(&pair.before).find_map(|chain| chain.open_letter(sealed))
    }

    pub(crate) fn forget(&mut self, with: &PeerKey) {
        self.pairs.remove(with);
    }

    pub(crate) fn clear(&mut self) {
        self.pairs.clear();
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha20Rng;

    use super::*;
    use crate::credential::Role;
    use crate::epoch::deputy::{self, Held};
    use crate::testing::{admission, seat};

    #[test]
    fn whoever_stole_a_chain_reads_nothing_that_is_wrapped_after_its_refresh() {
        let (host, member, leader) = (seat(3), seat(4), seat(3).identity.public());
        let mut rng: SessionRng = Box::new(ChaCha20Rng::seed_from_u64(5));
        let stolen = || Secret::take(&mut [7; 32]);
        let (mut pairs, mut now) = (Pairs::default(), UnixTime(1_800_000_000_000));
        pairs.root(now, &mut rng, leader, stolen());
        let mut held = Held::new(&admission(member.invite, Role::Guest)).unwrap();
        held.renew(PairChain::new(stolen()));
        let mut thief = PairChain::new(stolen());
        let (record, secret) = ([9; 32], Secret::take(&mut [8; 32]));
        let first = held.chain.as_mut().unwrap().wrap(&record, &secret);
        assert!(pairs.unwrap(&leader, &record, &first).unwrap().same(&secret));
        assert!(thief.unwrap(&record, &first).unwrap().same(&secret), "it was stolen");

        now = pairs.deadline().unwrap();
        let (mut asked, mut answered) = (Effects::default(), Effects::default());
        pairs.tick(now, &member, &mut rng, &mut Asker::default(), (1, leader), &mut asked);
        let Ok(Message::Join(request)) = Message::decode(&asked.says[0].1) else { panic!("no request") };
        deputy::answer(now, &host, &mut rng, &mut held, &request, &mut answered);
        let Ok(Message::Chain(root)) = Message::decode(&answered.says[0].1) else { panic!("no answer") };
        assert!(pairs.answered(now, &member, &mut rng, leader, &root));

        let second = held.chain.as_mut().unwrap().wrap(&record, &secret);
        assert!(thief.unwrap(&record, &second).is_none());
        assert!(pairs.unwrap(&leader, &record, &second).unwrap().same(&secret));
    }
}
