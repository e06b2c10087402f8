//! Lines that people paste: a prefix, base32, a length and a checksum, so that each way in which a
//! line gets damaged has its own message.
//!
//! ```text
//! prefix ':' base32( version u8 | body length u16 | body | checksum 4 bytes )
//! ```
//! Base32 (RFC 4648, lower case, no padding) survives chats that treat `_` and `*` as markup.

use data_encoding::BASE32_NOPAD;
use zeroize::Zeroizing;

/// The version that this program writes and reads.
pub(crate) const VERSION: u8 = 3;
/// Longest body in bytes.
pub(crate) const BODY_MAX: usize = 4096;
/// Longest line that is looked at, white space included.
pub const LINE_MAX: usize = 16 * 1024;
/// Most contacts in a line.
pub const CONTACTS_MAX: usize = 16;
/// Longest contact in bytes.
pub const CONTACT_LEN_MAX: usize = 256;

const HEAD: usize = 3;
const CHECK: usize = 4;

/// How a line is damaged. What it carries decides on the words, see `InviteError` and `LeaseError`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Damage {
    /// Doesn't begin with the prefix.
    Other,
    /// Ends too early.
    Truncated,
    /// A letter is wrong.
    Mistyped,
    /// Written by a program that is newer than this.
    Newer,
    /// Written by a program that is older than this.
    Older,
}

/// Writes a body as a line.
pub(crate) fn write(prefix: &str, body: &[u8]) -> Zeroizing<String> {
    let mut raw = Zeroizing::new(Vec::with_capacity(HEAD + body.len() + CHECK));
    raw.push(VERSION);
    raw.extend_from_slice(&u16::try_from(body.len()).unwrap_or(u16::MAX).to_be_bytes());
    raw.extend_from_slice(body);
    let check = checksum(prefix, &raw);
    raw.extend_from_slice(&check);
    let mut line = Zeroizing::new(String::with_capacity(prefix.len() + 1 + raw.len() * 8 / 5 + 8));
    line.push_str(prefix);
    line.push(':');
    let encoded = Zeroizing::new(BASE32_NOPAD.encode(&raw));
    line.extend(encoded.chars().map(|letter| letter.to_ascii_lowercase()));
    line
}

/// Reads a line. White space is ignored wherever it stands: chats wrap long lines.
pub(crate) fn read(prefix: &str, line: &str) -> Result<Zeroizing<Vec<u8>>, Damage> {
    let text = letters(line).ok_or(Damage::Other)?;
    let (found, rest) = text.split_once(':').ok_or(Damage::Other)?;
    if found != prefix.to_ascii_uppercase() {
        return Err(Damage::Other);
    }
    let raw = Zeroizing::new(BASE32_NOPAD.decode(whole(rest)?.as_bytes()).map_err(|_| Damage::Mistyped)?);
    let Some((head, tail)) = raw.split_first_chunk::<HEAD>() else { return Err(Damage::Truncated) };
    let expected = usize::from(u16::from_be_bytes([head[1], head[2]])) + CHECK;
    if tail.len() < expected {
        return Err(Damage::Truncated);
    }
    let (signed, check) = raw.split_at(raw.len() - CHECK);
    if tail.len() > expected || checksum(prefix, signed) != check {
        return Err(Damage::Mistyped);
    }
    match head[0] {
        VERSION => Ok(Zeroizing::new(signed[HEAD..].to_vec())),
        0 => Err(Damage::Mistyped),
        older if older < VERSION => Err(Damage::Older),
        _ => Err(Damage::Newer),
    }
}

/// True if the line begins with this prefix, whatever else is wrong with it.
pub(crate) fn begins(prefix: &str, line: &str) -> bool {
    let head: String = line.chars().filter(|c| !c.is_whitespace()).take(prefix.len() + 1).collect();
    head.eq_ignore_ascii_case(&format!("{prefix}:"))
}

/// The line without white space, in upper case; `None` if it is far too long.
fn letters(line: &str) -> Option<Zeroizing<String>> {
    if line.len() > LINE_MAX {
        return None;
    }
    let mut text = Zeroizing::new(String::with_capacity(line.len()));
    text.extend(line.chars().filter(|c| !c.is_whitespace()).map(|c| c.to_ascii_uppercase()));
    Some(text)
}

/// Cuts letters that encode no whole byte, which only a truncated line has: the length tells then.
fn whole(text: &str) -> Result<&str, Damage> {
    if text.bytes().any(|byte| !byte.is_ascii_alphanumeric()) {
        return Err(Damage::Mistyped);
    }
    match text.len() % 8 {
        1 | 3 | 6 => Err(Damage::Truncated),
        _ => Ok(text),
    }
}

fn checksum(prefix: &str, bytes: &[u8]) -> [u8; CHECK] {
    let hash = crate::suite::digest("canopy/1/line", &[prefix.as_bytes(), b":", bytes]);
    [hash[0], hash[1], hash[2], hash[3]]
}

/// True if there are few enough contacts and each is short enough.
pub(crate) fn contacts_fit(contacts: &[String]) -> bool {
    contacts.len() <= CONTACTS_MAX && contacts.iter().all(|contact| contact.len() <= CONTACT_LEN_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_back_from_any_wrapping() {
        let line = write("canopy", b"what it carries");
        let wrapped: String = line.chars().flat_map(|c| [c, '\n', ' ']).collect();
        assert_eq!(&read("canopy", &wrapped).unwrap()[..], b"what it carries");
        assert_eq!(&read("canopy", &line.to_ascii_uppercase()).unwrap()[..], b"what it carries");
    }

    #[test]
    fn a_line_of_another_version_is_named_as_such() {
        let others = [(VERSION + 1, Damage::Newer), (VERSION - 1, Damage::Older), (1, Damage::Older)];
        for (version, damage) in others {
            let mut raw = vec![version, 0, 1, 9];
            raw.extend(checksum("canopy", &raw));
            let line = format!("canopy:{}", BASE32_NOPAD.encode(&raw));
            assert_eq!(read("canopy", &line).err(), Some(damage), "version {version}");
        }
    }

    #[test]
    fn every_shortening_and_every_wrong_letter_is_noticed() {
        let line = write("canopy", b"what it carries");
        for end in "canopy:".len()..line.len() {
            // Cutting can leave stray bits in the last letter, which reads as a wrong letter.
            assert!(matches!(read("canopy", &line[..end]), Err(Damage::Truncated | Damage::Mistyped)));
        }
        for at in "canopy:".len()..line.len() {
            let mut wrong = line.to_string();
            let other = if wrong.as_bytes()[at] == b'a' { "b" } else { "a" };
            wrong.replace_range(at..=at, other);
            assert!(read("canopy", &wrong).is_err(), "letter {at}");
        }
    }
}
