//! The verification code: 30 digits that people read to each other (DESIGN 4.6).

use crate::identity::IssuerKey;

/// Digits of the code, shown in six groups of five.
pub const DIGITS: usize = 30;

/// The code for an issuer and the hash of the last record that changed members: the same for all
/// who hold the epoch, another as soon as the members are others.
///
/// Each group of five digits is 8 bytes of hash modulo 100,000 (as in Discord's DAVE 1.1, "displayable
/// codes"), here from 48 bytes of BLAKE3 output instead of a slow hash: 2^99 codes can't be ground.
pub fn code(issuer: &IssuerKey, changed: &[u8; 32]) -> String {
    let mut hasher = blake3::Hasher::new_derive_key("canopy/1/code");
    hasher.update(&issuer.0).update(changed);
    let mut bytes = [0; DIGITS / 5 * 8];
    hasher.finalize_xof().fill(&mut bytes);
    let groups = bytes.chunks_exact(8).map(|chunk| {
        let number = chunk.iter().fold(0, |sum: u64, &byte| sum << 8 | u64::from(byte));
        format!("{:05}", number % 100_000)
    });
    groups.collect()
}

/// A code as it is shown: six groups of five digits.
pub fn grouped(code: &str) -> String {
    let groups: Vec<String> =
        code.as_bytes().chunks(5).map(|group| String::from_utf8_lossy(group).into()).collect();
    groups.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_thirty_digits_and_depends_on_everything() {
        let one = code(&IssuerKey([1; 32]), &[2; 32]);
        assert_eq!(one.len(), DIGITS);
        assert!(one.bytes().all(|byte| byte.is_ascii_digit()));
        assert_ne!(one, code(&IssuerKey([1; 32]), &[3; 32]));
        assert_ne!(one, code(&IssuerKey([2; 32]), &[2; 32]));
        assert_eq!(grouped(&one).split(' ').count(), 6);
    }
}
