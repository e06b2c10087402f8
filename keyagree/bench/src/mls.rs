//! The same with MLS (RFC 9420): one committer adds everybody at once, as when a meeting starts, then one
//! member leaves and one joins. `mls-rs`, suite 3 (X25519, ChaCha20-Poly1305, Ed25519): not post-quantum.

use anyhow::{Context, Result};
use mls_rs::client_builder::MlsConfig;
use mls_rs::identity::SigningIdentity;
use mls_rs::identity::basic::{BasicCredential, BasicIdentityProvider};
use mls_rs::{CipherSuite, CipherSuiteProvider, Client, CryptoProvider};
use mls_rs_crypto_rustcrypto::RustCryptoProvider;

use crate::cpu;

const SUITE: CipherSuite = CipherSuite::CURVE25519_CHACHA;

/// What one group has shown.
pub(crate) struct Mls {
    pub(crate) leave_cpu_ms: f64,
    pub(crate) leave_bytes: usize,
    pub(crate) follow_cpu_ms: f64,
    pub(crate) join_cpu_ms: f64,
    pub(crate) join_bytes: usize,
    pub(crate) joiner_cpu_ms: f64,
}

fn client(number: usize) -> Result<Client<impl MlsConfig>> {
    let crypto = RustCryptoProvider::default();
    let suite = crypto.cipher_suite_provider(SUITE).context("the suite is missing")?;
    let (secret, public) = suite.signature_key_generate().map_err(|error| anyhow::anyhow!("{error:?}"))?;
    let credential = BasicCredential::new(number.to_be_bytes().to_vec());
    let identity = SigningIdentity::new(credential.into_credential(), public);
    Ok(Client::builder()
        .identity_provider(BasicIdentityProvider)
        .crypto_provider(crypto)
        .signing_identity(identity, secret, SUITE)
        .build())
}

/// Measures a group of so many members.
pub(crate) fn measure(members: usize) -> Result<Mls> {
    let mut group = client(0)?.group_builder()?.build()?;
    let first = client(1)?;
    let mut commit = group.commit_builder();
    commit = commit.add_member(first.generate_key_package_message(
        Default::default(),
        Default::default(),
        None,
    )?)?;
    for number in 2..members {
        let other = client(number)?;
        commit = commit.add_member(other.generate_key_package_message(
            Default::default(),
            Default::default(),
            None,
        )?)?;
    }
    let formed = commit.build()?;
    group.apply_pending_commit()?;
    let (mut follower, _) = first.join_group(None, &formed.welcome_messages[0], None)?;
    drop(formed);

    let (leave_cpu_ms, left) = cpu::ms(|| -> Result<_> {
        let left = group.commit_builder().remove_member(members as u32 - 1)?.build()?;
        group.apply_pending_commit()?;
        Ok(left)
    });
    let left = left?;
    let leave_bytes = left.commit_message.to_bytes()?.len();
    let (follow_cpu_ms, followed) =
        cpu::ms(|| follower.process_incoming_message(left.commit_message.clone()));
    followed?;

    let newcomer = client(members)?;
    let package = newcomer.generate_key_package_message(Default::default(), Default::default(), None)?;
    let (join_cpu_ms, joined) = cpu::ms(|| -> Result<_> {
        let joined = group.commit_builder().add_member(package)?.build()?;
        group.apply_pending_commit()?;
        Ok(joined)
    });
    let welcome = &joined?.welcome_messages[0];
    let join_bytes = welcome.to_bytes()?.len();
    let (joiner_cpu_ms, inside) = cpu::ms(|| newcomer.join_group(None, welcome, None));
    inside?;
    Ok(Mls { leave_cpu_ms, leave_bytes, follow_cpu_ms, join_cpu_ms, join_bytes, joiner_cpu_ms })
}
