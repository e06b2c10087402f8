//! The lines that people paste: invites and leases, and everything that can be wrong with them.

use keyagree::{
    ClaimError, Identity, Invite, InviteError, Issuer, Lease, LeaseError, LeaseHolder, Role, UnixTime,
};
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;

const NOW: UnixTime = UnixTime(1_800_000_000_000);
const DAY: u64 = 86_400_000;

fn contacts() -> Vec<String> {
    vec!["/ip4/192.0.2.1/udp/4001/quic-v1/p2p/12D3KooWExample".to_owned()]
}

fn invite(seed: u64) -> (Issuer, Invite) {
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    let issuer = Issuer::generate(&mut rng);
    let invite = issuer.issue_invite(&mut rng, Role::Deputy, contacts(), NOW, NOW.plus_ms(DAY)).unwrap();
    (issuer, invite)
}

fn holder(seed: u64) -> (Identity, LeaseHolder) {
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    let relay = Identity::generate(&mut rng);
    let holder = LeaseHolder::generate(&mut rng, relay.public(), 20_000, NOW.plus_ms(DAY));
    (relay, holder)
}

#[test]
fn an_invite_survives_a_chat() {
    let (issuer, invite) = invite(1);
    let relays = vec![contacts().remove(0).replace(".1/", ".2/")];
    let invite = invite.with_relays(relays.clone()).unwrap();
    let line = invite.to_line();
    let wrapped: String = line
        .chars()
        .enumerate()
        .map(|(i, c)| if i % 70 == 69 { format!("{c}\r\n  ") } else { c.to_string() })
        .collect();
    let read = Invite::from_line(&wrapped).unwrap();
    assert_eq!((read.meeting(), read.issuer(), read.id()), (issuer.meeting(), issuer.public(), invite.id()));
    assert_eq!((read.role(), read.contacts()), (Role::Deputy, &contacts()[..]));
    assert_eq!(read.relays(), &relays[..]);
    assert_eq!(read.to_line(), line);
    read.check(NOW).unwrap();
    assert_eq!(read.check(NOW.plus_ms(DAY)), Err(InviteError::Expired(NOW.plus_ms(DAY))));
    assert_eq!(read.check(UnixTime(0)), Err(InviteError::TooEarly(NOW)));
}

#[test]
fn each_way_to_damage_an_invite_has_its_own_words() {
    let line = invite(1).1.to_line().to_string();
    let error = |text: &str| Invite::from_line(text).err().unwrap();
    assert_eq!(error("hello"), InviteError::NotAnInvite);
    assert_eq!(error(&"x".repeat(1 << 20)), InviteError::NotAnInvite);
    assert_eq!(error("canopy:"), InviteError::Truncated);
    assert_eq!(error(&line[..line.len() / 8 * 8 - 1]), InviteError::Truncated);
    let other = if &line[99..100] == "a" { "b" } else { "a" };
    assert_eq!(error(&format!("{}{other}{}", &line[..99], &line[100..])), InviteError::Mistyped);
    assert_eq!(error(&format!("{line}!")), InviteError::Mistyped);
    let lease = holder(2).1.lease(contacts()).unwrap().to_line();
    assert_eq!(error(&lease), InviteError::IsLease);
    for text in ["hello", "canopy:", &line[..300], &lease] {
        let said = error(text).to_string();
        assert!(said.contains(": ") && !said.contains('\n'), "{said}");
    }
}

#[test]
fn a_lease_line_is_read_back_or_says_what_is_wrong() {
    let (relay, holder) = holder(2);
    let line = holder.lease(contacts()).unwrap().to_line();
    let lease = Lease::from_line(&line).unwrap();
    assert_eq!((lease.relay(), lease.kbps(), lease.contacts()), (relay.public(), 20_000, &contacts()[..]));
    lease.check(NOW).unwrap();
    assert_eq!(lease.check(NOW.plus_ms(DAY)), Err(LeaseError::Ended(NOW.plus_ms(DAY))));
    assert_eq!(Lease::from_line(&invite(1).1.to_line()).err(), Some(LeaseError::IsInvite));
    assert_eq!(Lease::from_line("x").err(), Some(LeaseError::NotALease));
    assert_eq!(Lease::from_line("canopy-lease:ae").err(), Some(LeaseError::Truncated));
    assert!(holder.lease(vec![String::new(); 17]).is_err());
}

#[test]
fn the_first_issuer_binds_a_relay_and_the_second_is_told_whose_it_is() {
    let (relay, mut holder) = holder(2);
    let lease = Lease::from_line(&holder.lease(contacts()).unwrap().to_line()).unwrap();
    let (first, second) = (invite(3).0, invite(4).0);
    let organiser = Identity::generate(&mut ChaCha20Rng::seed_from_u64(5)).public();
    let claim = |issuer: &Issuer, lease: &Lease| {
        let grant = issuer.grant(relay.public(), lease.id(), 20_000, lease.ends());
        lease.claim(issuer.meeting(), issuer.public(), &grant, organiser)
    };
    let mine = claim(&first, &lease);
    assert_eq!(
        holder.claim(NOW, relay.public(), &mine),
        Err(ClaimError::WrongSecret),
        "overheard by another peer"
    );
    let bound = holder.claim(NOW, organiser, &mine).unwrap();
    assert_eq!((bound.meeting, bound.issuer), (first.meeting(), first.public()));
    assert_eq!(holder.claim(NOW, organiser, &mine).unwrap(), bound, "once more is fine");
    let late = holder.claim(NOW, organiser, &claim(&second, &lease));
    assert_eq!(late, Err(ClaimError::AlreadyClaimedBy(first.public().short())));
    let forged = self::holder(6).1.lease(contacts()).unwrap();
    assert_eq!(holder.claim(NOW, organiser, &claim(&first, &forged)), Err(ClaimError::WrongSecret));
    assert_eq!(holder.claim(NOW, organiser, b"x"), Err(ClaimError::Malformed));
    assert_eq!(holder.claim(lease.ends(), organiser, &mine), Err(ClaimError::Ended(lease.ends())));
    let stranger = second.grant(relay.public(), lease.id(), 1, lease.ends());
    let mixed = lease.claim(first.meeting(), first.public(), &stranger, organiser);
    assert_eq!(holder.claim(NOW, organiser, &mixed), Err(ClaimError::WrongGrant));
}
