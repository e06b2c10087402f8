//! Who takes part, what they can send, and what goes wrong: all of it from one seed.

use overlay_core::io::LayerRate;
use overlay_core::unit::Layer;
use rand::RngExt;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// What happens to a relay midway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    None,
    /// The first relay is killed; no one is told.
    Kill,
    /// The first relay goes on talking and forwards nothing.
    Swallow,
}

/// A meeting.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Participants; the first one plans.
    pub people: u8,
    /// How many of them send.
    pub sources: u8,
    /// Volunteers.
    pub relays: u8,
    /// kbit/s of each participant who sends.
    pub source_kbps: u32,
    /// kbit/s of each participant who doesn't.
    pub watcher_kbps: u32,
    /// kbit/s of each relay.
    pub relay_kbps: u32,
    /// Simulated seconds.
    pub seconds: u64,
    /// What happens at half time.
    pub fault: Fault,
    /// Decides delays.
    pub seed: u64,
}

/// The most nodes that a world of this size may have; the delays are a full matrix.
pub const NODES_MAX: usize = 200;
/// One-way delays of links, in ms.
const DELAY_MS: std::ops::RangeInclusive<u64> = 5..=40;

impl Scenario {
    /// The meeting that `canopy demo` holds: three of six send, on 2.5 Mbit/s each.
    pub fn demo(relays: u8, fault: Fault, seed: u64) -> Scenario {
        Scenario {
            people: 6,
            sources: 3,
            relays,
            source_kbps: 2_500,
            watcher_kbps: 500,
            relay_kbps: 20_000,
            seconds: 20,
            fault,
            seed,
        }
    }

    /// Sound and two pictures.
    pub fn ladder() -> Vec<LayerRate> {
        let rate = |layer, kbps| LayerRate { layer, kbps };
        vec![rate(Layer::Audio, 32), rate(Layer::P180, 150), rate(Layer::P360, 500)]
    }

    /// All nodes.
    pub fn nodes(&self) -> usize {
        usize::from(self.people) + usize::from(self.relays)
    }

    /// One-way delays between nodes in ms, symmetric.
    pub fn delays(&self) -> Vec<Vec<u64>> {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        let count = self.nodes();
        let mut delays = vec![vec![0; count]; count];
        for (a, b) in (0..count).flat_map(|a| (a + 1..count).map(move |b| (a, b))) {
            let delay = rng.random_range(DELAY_MS);
            delays[a][b] = delay;
            delays[b][a] = delay;
        }
        delays
    }
}
