//! Who said it (DESIGN 4.5): members share their keys, so a frame that opens may be another member's. A source signs, a
//! few times a second and for each of its trees, the hashes of the units that it put there. What is in a list, and what
//! follows from one, is the overlay's; here it is bytes.

use crate::identity::{BadSignature, Context, Identity, PeerKey, verify};

/// Signs a list of units of this node's own.
pub fn sign_list(identity: &Identity, list: &[u8]) -> [u8; 64] {
    identity.sign(Context::UNITS, list)
}

/// Checks that `source` signed a list of units; else it is the fault of whoever passed it on.
pub fn verify_list(source: &PeerKey, list: &[u8], signature: &[u8; 64]) -> Result<(), BadSignature> {
    verify(source, Context::UNITS, list, signature)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::Secret;

    #[test]
    fn nobody_else_signs_a_source_s_list_and_no_byte_of_it_can_be_changed() {
        let identity = |seed| Identity::from_seed(&Secret::take(&mut [seed; 32]));
        let (source, insider, list) = (identity(1), identity(9), b"what went into a tree".to_vec());
        let signature = sign_list(&source, &list);
        assert!(verify_list(&source.public(), &list, &signature).is_ok());
        assert!(verify_list(&source.public(), &list, &sign_list(&insider, &list)).is_err());
        for at in 0..list.len() {
            let mut other = list.clone();
            other[at] ^= 4;
            assert!(verify_list(&source.public(), &other, &signature).is_err(), "byte {at}");
        }
    }
}
