//! What the signed lists of units take of a stream, and of a processor.

use keyagree::signing::{LIST_EVERY_MS, Signer, Verifier};
use keyagree::{Identity, PeerKey, Secret, UnixTime};

use crate::cpu;

/// A stream as it goes into its trees.
pub(crate) struct Load {
    pub(crate) what: &'static str,
    pub(crate) kbps: u32,
    pub(crate) units_per_s: u64,
    /// Trees that carry a unit of each frame: k + m.
    pub(crate) trees: u64,
    pub(crate) data: u64,
}

/// What lists cost with one.
pub(crate) struct Cost {
    pub(crate) kbps: f64,
    pub(crate) percent: f64,
    pub(crate) sign_cpu_percent: f64,
    pub(crate) verify_cpu_percent: f64,
}

/// The loads that are shown.
pub(crate) const LOADS: [Load; 4] = [
    Load { what: "720p in one tree", kbps: 1_500, units_per_s: 30, trees: 1, data: 1 },
    Load { what: "720p in 8 + 1 trees", kbps: 1_500, units_per_s: 30, trees: 9, data: 8 },
    Load { what: "360p in one tree", kbps: 500, units_per_s: 30, trees: 1, data: 1 },
    Load { what: "sound, doubled", kbps: 32, units_per_s: 50, trees: 2, data: 1 },
];

const SECONDS: u64 = 20;

/// Runs twenty seconds of a stream.
pub(crate) fn measure(load: &Load) -> Cost {
    let identity = Identity::from_seed(&Secret::take(&mut [1; 32]));
    let mut verifier = Verifier::new(identity.public());
    let (mut bytes, mut signing, mut verifying) = (0, 0.0, 0.0);
    let size = load.kbps as usize * 125 / load.units_per_s as usize / load.data as usize;
    for tree in 0..load.trees {
        let mut signer = Signer::new(tree);
        for number in 0..load.units_per_s * SECONDS {
            let now = UnixTime(1_800_000_000_000 + number * 1000 / load.units_per_s);
            let unit = vec![number as u8; size];
            let (ms, list) = cpu::ms(|| {
                let due = signer.deadline().is_some_and(|at| now >= at);
                let list = if due { signer.sign(&identity) } else { None };
                signer.put(now, &identity, number, &unit);
                list
            });
            signing += ms;
            let (ms, ()) = cpu::ms(|| {
                if let Some(list) = &list {
                    verifier.list(now, list);
                }
                verifier.unit(now, tree, number, &unit, PeerKey([2; 32]));
            });
            verifying += ms;
            bytes += list.map_or(0, |list| list.len());
        }
    }
    let kbps = bytes as f64 * 8.0 / 1e3 / SECONDS as f64;
    let carried = f64::from(load.kbps) * load.trees as f64 / load.data as f64;
    let share = |ms: f64| ms / 10.0 / SECONDS as f64;
    Cost {
        kbps,
        percent: 100.0 * kbps / carried,
        sign_cpu_percent: share(signing),
        verify_cpu_percent: share(verifying),
    }
}

/// How often lists go out, for the heading.
pub(crate) fn every_ms() -> u64 {
    LIST_EVERY_MS
}
