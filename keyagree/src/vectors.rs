//! Known answers of the key schedule: `docs/vectors/keyagree.json`, frozen for protocol version 3.
//!
//! `CANOPY_WRITE_VECTORS=1 cargo test -p keyagree vectors` writes them anew, which is right only together
//! with a new protocol version.

use std::path::PathBuf;

use data_encoding::HEXLOWER;
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;
use serde_json::{Value, json};

use crate::credential::Role;
use crate::epoch::chain::PairChain;
use crate::epoch::{commitment, key_pair, record_hash, step, welcome_info};
use crate::identity::{Context, Identity, PeerKey};
use crate::issuer::Issuer;
use crate::lease::LeaseHolder;
use crate::roster::{Entry, Roster, page};
use crate::stream::SourceKeys;
use crate::suite::{Secret, derive, digest, seal};
use crate::time::UnixTime;
use crate::wire::{EpochId, Reason, Record};

fn hex(bytes: &[u8]) -> String {
    HEXLOWER.encode(bytes)
}

fn secret(byte: u8) -> Secret {
    Secret::take(&mut [byte; 32])
}

fn schedule() -> Value {
    let mut rng = ChaCha20Rng::seed_from_u64(2);
    let issuer = Issuer::generate(&mut rng);
    let identity = Identity::generate(&mut rng);
    let id = EpochId { term: 1, coordinator: identity.public(), epoch: 1 };
    let mut roster = Roster::default();
    roster.sit(Entry { peer: identity.public(), request: [0; 32] });
    roster.sit(Entry { peer: PeerKey([6; 32]), request: [7; 32] });
    let record = Record {
        meeting: issuer.meeting(),
        id,
        previous: [5; 32],
        reason: Reason::Join,
        members: 2,
        roster: roster.root(),
        changed: [0; 32],
        made_at: UnixTime(1_800_000_000_000),
        activate_at: UnixTime(1_800_000_001_000),
        commitment: [0; 32],
    };
    let stepped = step(&secret(1), &record);
    let record = Record { commitment: commitment(&stepped, &issuer.meeting(), &id), ..record };
    let hash = record_hash(&record);
    let public = key_pair(&stepped).public();
    let sealed = seal(&mut rng, &public, b"info", b"plain").unwrap();
    let mut chain = PairChain::new(secret(2));
    json!({
        "meeting": hex(&issuer.meeting().0),
        "issuer": hex(&issuer.public().0),
        "coordinator": hex(&identity.public().0),
        "derive": { "purpose": "canopy/1/example", "parts": ["00", "0102"],
            "out": hex(derive("canopy/1/example", &[&[0], &[1, 2]]).expose()) },
        "epoch_secret": hex(secret(1).expose()),
        "record": hex(&crate::credential::Signed::bytes(&record)),
        "record_hash": hex(&hash),
        "roster": hex(&roster.root()), "roster_proof": hex(&roster.proof(1)),
        "page": hex(&page::seal(&roster, &secret(1), 0, |_| None)),
        "joined_secret": hex(stepped.expose()),
        "commitment": hex(&record.commitment),
        "epoch_public_key_digest": hex(&digest("canopy/1/example", &[&public])),
        "hpke": { "info": hex(b"info"), "plain": hex(b"plain"), "enc_digest": hex(&digest("canopy/1/example", &[&sealed.enc])),
            "sealed": hex(&sealed.sealed), "pair": hex(sealed.pair.expose()) },
        "welcome_info": hex(&welcome_info(&hash, &PeerKey([6; 32]), &[7; 32])),
        "chain": hex(secret(2).expose()),
        "wraps": [hex(&chain.wrap(&hash, &stepped)), hex(&chain.wrap(&hash, &stepped))],
        "letter": hex(&chain.seal_letter(b"who came by which invite")),
        "code": crate::code::code(&issuer.public(), &hash),
        "signed_note": { "seed": hex(secret(3).expose()), "note": hex(b"note"),
            "signature": hex(&Identity::from_seed(&secret(3)).sign(Context::NOTE, b"note")) },
    })
}

fn streams() -> Value {
    let meeting = Issuer::generate(&mut ChaCha20Rng::seed_from_u64(2)).meeting();
    let mut keys = SourceKeys::new(&secret(4), &[0, 2]);
    let joined = keys.joined(&[8; 32]);
    let mut drawn = Vec::new();
    for _ in 0..2 {
        for chain in &mut keys.chains {
            let at = chain.draw(&meeting);
            drawn.push(json!({
                "layer": chain.layer, "generation": chain.generation, "label": format!("{:016x}", at.label),
                "key": hex(at.key.expose()), "commitment": hex(&at.commitment), "salt": hex(&at.salt),
            }));
            chain.step();
        }
    }
    json!({ "meeting": hex(&meeting.0), "secret": hex(secret(4).expose()), "join_record": hex(&[8; 32]), "joined_secret": hex(joined.expose()), "streams": drawn })
}

fn lines() -> Value {
    let mut rng = ChaCha20Rng::seed_from_u64(3);
    let issuer = Issuer::generate(&mut rng);
    let (from, to) = (UnixTime(1_800_000_000_000), UnixTime(1_800_086_400_000));
    let contacts = vec!["/ip4/192.0.2.1/udp/4001/quic-v1/p2p/12D3KooWExample".to_owned()];
    let relays = vec!["/ip4/192.0.2.2/udp/4001/quic-v1/p2p/12D3KooWRelay".to_owned()];
    let invite = issuer.issue_invite(&mut rng, Role::Guest, contacts.clone(), from, to).unwrap();
    let invite = invite.with_relays(relays).unwrap();
    let guest = Identity::generate(&mut rng);
    let relay = Identity::generate(&mut rng).public();
    let holder = LeaseHolder::generate(&mut rng, relay, 20_000, to);
    let lease = holder.lease(contacts).unwrap();
    let grant = issuer.grant(relay, lease.id(), 20_000, to);
    json!({
        "invite": *invite.to_line(),
        "guest": hex(&guest.public().0),
        "guest_credential": hex(&invite.credential(&guest, from)),
        "lease": *lease.to_line(),
        "grant_credential": hex(&grant.credential()),
        "claim": hex(&lease.claim(issuer.meeting(), issuer.public(), &grant, guest.public())),
    })
}

#[test]
fn the_key_schedule_gives_the_answers_that_are_frozen() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/vectors/keyagree.json");
    let now = json!({ "protocol": 3, "schedule": schedule(), "streams": streams(), "lines": lines() });
    if std::env::var_os("CANOPY_WRITE_VECTORS").is_some() {
        std::fs::write(&path, serde_json::to_string_pretty(&now).unwrap() + "\n").unwrap();
    }
    let frozen: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    assert_eq!(frozen, now);
}
