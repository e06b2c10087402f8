//! 128 bits over everything that happened: the same scenario and seed give the same, on every machine.

use overlay_core::time::Time;

/// So many bytes are gathered before they are hashed, since BLAKE3 is quick only with long inputs.
const GATHERED: usize = 64 * 1024;

/// A running hash.
#[derive(Debug, Default)]
pub struct Trail {
    gathered: Vec<u8>,
    hasher: blake3::Hasher,
}

impl Trail {
    /// Something happened to a node: what kind, and two numbers that tell it from others.
    pub fn step(&mut self, now: Time, who: u32, kind: u8, a: u64, b: u64) {
        self.gathered.extend_from_slice(&now.0.to_le_bytes());
        self.gathered.extend_from_slice(&who.to_le_bytes());
        self.gathered.push(kind);
        self.gathered.extend_from_slice(&a.to_le_bytes());
        self.gathered.extend_from_slice(&b.to_le_bytes());
        self.spill(GATHERED);
    }

    /// What was said, byte by byte.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.gathered.extend_from_slice(bytes);
        self.spill(GATHERED);
    }

    fn spill(&mut self, from: usize) {
        if self.gathered.len() >= from {
            self.hasher.update(&self.gathered);
            self.gathered.clear();
        }
    }

    /// The hash so far.
    pub fn finish(&mut self) -> u128 {
        self.spill(1);
        let mut half = [0; 16];
        half.copy_from_slice(&self.hasher.finalize().as_bytes()[..16]);
        u128::from_be_bytes(half)
    }
}
