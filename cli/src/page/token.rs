//! The secret that a page shows before its socket opens.

use data_encoding::BASE64URL_NOPAD;
use rand::Rng;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::entropy;

/// 256 random bits, fresh for each run of the program. Never printed but in the page's address.
pub struct Token(Zeroizing<String>);

impl Token {
    /// A fresh one.
    pub fn generate() -> Token {
        let mut bytes = Zeroizing::new([0; 32]);
        entropy::rng().fill_bytes(bytes.as_mut());
        Token(Zeroizing::new(BASE64URL_NOPAD.encode(bytes.as_ref())))
    }

    /// True if `shown` is this token, in a time that doesn't depend on how much of it is right.
    pub fn is(&self, shown: &str) -> bool {
        self.0.as_bytes().ct_eq(shown.as_bytes()).into()
    }

    /// The text, for the page's address.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_token_counts() {
        let (token, other) = (Token::generate(), Token::generate());
        assert_eq!(token.expose().len(), 43);
        assert!(token.is(token.expose()));
        for wrong in ["", &token.expose()[..42], other.expose(), &format!("{} ", token.expose())] {
            assert!(!token.is(wrong));
        }
    }
}
