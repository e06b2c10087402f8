//! Passes that were not signed as they must be.

use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;

use super::*;
use crate::issuer::Issuer;

const NOW: UnixTime = UnixTime(1_800_000_000_000);

/// Somebody with an invite.
struct Holder {
    identity: Identity,
    invite: InviteId,
    own: (Signed<InviteCert>, Signed<PeerCert>),
}

fn holder(rng: &mut ChaCha20Rng, issuer: &Issuer, role: Role) -> Holder {
    let identity = Identity::generate(rng);
    let ends = NOW.plus_ms(86_400_000);
    let invite = issuer.issue_link(rng, role, 2, Vec::new(), NOW, ends).unwrap();
    let own = parts(&invite.credential(&identity, NOW)).unwrap();
    Holder { identity, invite: invite.id(), own }
}

/// What `peer` shows with this pass, signed by `signer` and brought as `by`'s.
fn judge(
    issuer: &Issuer,
    peer: &Holder,
    pass: &Pass,
    signer: &Holder,
    by: &Holder,
) -> Result<Admission, Refusal> {
    let pass = Signed::new(pass.clone(), &signer.identity);
    let shown = passed(peer.own.clone(), pass, by.own.clone());
    check(NOW, &issuer.meeting(), &issuer.public(), &peer.identity.public(), &shown)
}

#[test]
fn a_pass_counts_only_from_who_may_coordinate_and_only_for_its_peer_invite_meeting_and_time() {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let (issuer, elsewhere) = (Issuer::generate(&mut rng), Issuer::generate(&mut rng));
    let [host, deputy] = [Role::Organiser, Role::Deputy].map(|role| holder(&mut rng, &issuer, role));
    let [guest, other] = [Role::Guest, Role::CoHost].map(|role| holder(&mut rng, &issuer, role));
    let stranger = holder(&mut rng, &elsewhere, Role::Organiser);
    let good = Pass {
        meeting: issuer.meeting(),
        peer: guest.identity.public(),
        invite: guest.invite,
        made_at: NOW,
        expires: NOW.plus_ms(PASS_MS),
    };
    for by in [&host, &deputy] {
        let admission = judge(&issuer, &guest, &good, by, by).unwrap();
        assert!(!admission.lobby);
        assert_eq!(admission.passed_by, Some((by.identity.public(), by.invite)));
    }
    // By whom: not a co-host, not oneself, not another meeting's organiser, not in another's name.
    for by in [&guest, &other] {
        assert_eq!(judge(&issuer, &guest, &good, by, by), Err(Refusal::NotSignedByIssuer));
    }
    assert_eq!(judge(&issuer, &guest, &good, &stranger, &stranger), Err(Refusal::WrongMeeting));
    assert_eq!(judge(&issuer, &guest, &good, &guest, &host), Err(Refusal::NotSignedByIssuer));
    // For whom.
    let wrong = [
        (Pass { peer: other.identity.public(), ..good }, Refusal::NotYours),
        (Pass { invite: other.invite, ..good }, Refusal::NotYours),
        (Pass { meeting: elsewhere.meeting(), ..good }, Refusal::WrongMeeting),
        (Pass { made_at: NOW.plus_ms(SKEW_MS + 1), ..good }, Refusal::TooEarly),
    ];
    for (pass, why) in wrong {
        assert_eq!(judge(&issuer, &guest, &pass, &host, &host), Err(why));
    }
    // For how long: no longer than a pass may, whatever it says.
    let long = Pass { made_at: UnixTime(NOW.0 - PASS_MS + 1), expires: UnixTime(u64::MAX), ..good };
    assert_eq!(judge(&issuer, &guest, &long, &host, &host).unwrap().pass_ends, Some(UnixTime(NOW.0 + 1)));
    let over = Pass { made_at: UnixTime(NOW.0 - PASS_MS), ..long };
    assert!(judge(&issuer, &guest, &over, &host, &host).unwrap().lobby);
}
