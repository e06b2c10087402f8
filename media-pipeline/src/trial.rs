//! What an attacker who captured a frame does with bytes that may be its key: tries them.

use chacha20poly1305::ChaCha20Poly1305;
use chacha20poly1305::aead::{AeadInOut, KeyInit};
use keyagree::identity::MeetingId;

use crate::seal::nonce;
use crate::wire::{Header, TAG_LEN};

/// One captured frame, ready to have keys tried on it. Everything here is known to a relay.
#[derive(Clone)]
pub struct Trial {
    nonce: chacha20poly1305::Nonce,
    header: Vec<u8>,
    ciphertext: Vec<u8>,
    tag: [u8; TAG_LEN],
}

impl Trial {
    /// A frame of `meeting`, as captured; `None` if it is no sealed frame.
    pub fn new(meeting: &MeetingId, sealed: &[u8]) -> Option<Trial> {
        let (header, aad, body) = Header::split(sealed).ok()?;
        let (ciphertext, tag) = body.split_last_chunk::<TAG_LEN>()?;
        let salt = keyagree::stream::salt(header.label, meeting);
        Some(Trial {
            nonce: nonce(&salt, header.counter),
            header: aad.to_vec(),
            ciphertext: ciphertext.to_vec(),
            tag: *tag,
        })
    }

    /// True if `key` is the frame's key.
    pub fn opens_with(&mut self, key: &[u8; 32]) -> bool {
        let cipher = ChaCha20Poly1305::new(key.into());
        // The tag is checked before anything is decrypted, so a wrong key leaves the ciphertext as it is.
        let opened = cipher
            .decrypt_inout_detached(
                &self.nonce,
                &self.header,
                self.ciphertext.as_mut_slice().into(),
                (&self.tag).into(),
            )
            .is_ok();
        if opened {
            // What a frame says is nothing to keep: the key stream once more gives the ciphertext back.
            let again = cipher.encrypt_inout_detached(
                &self.nonce,
                &self.header,
                self.ciphertext.as_mut_slice().into(),
            );
            debug_assert!(again.is_ok_and(|tag| tag[..] == self.tag));
        }
        opened
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::EncodedFrame;
    use crate::layer::Layer;
    use crate::seal::Sealer;
    use keyagree::identity::PeerKey;
    use keyagree::stream::{EpochId, SealingKey};

    #[test]
    fn only_the_frames_own_key_opens_it() {
        let meeting = MeetingId([3; 16]);
        let epoch = EpochId { term: 1, coordinator: PeerKey([9; 32]), epoch: 1 };
        let mut sealer =
            Sealer::new(SealingKey::from_parts([7; 32], 42, Layer::Audio.byte(), epoch, &meeting));
        let frame = EncodedFrame {
            layer: Layer::Audio,
            number: 0,
            key: true,
            temporal: 0,
            depends_on: 0,
            captured_us: 1,
            width: 0,
            height: 0,
            colour: 2,
            data: vec![1, 2, 3],
        };
        let sealed = sealer.seal(&frame).expect("the frame is of the key's layer");
        let mut trial = Trial::new(&meeting, &sealed).expect("it was just sealed");
        assert!(trial.opens_with(&[7; 32]));
        assert!(trial.opens_with(&[7; 32]), "it can be tried again");
        let mut other = [7; 32];
        other[31] ^= 1;
        assert!(!trial.opens_with(&other));
        let mut elsewhere = Trial::new(&MeetingId([4; 16]), &sealed).expect("it was just sealed");
        assert!(!elsewhere.opens_with(&[7; 32]));
    }
}
