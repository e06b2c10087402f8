//! What the signed lists of units take of a stream, and of a processor.

use keyagree::signing::{sign_list, verify_list};
use keyagree::{Identity, Secret};
use overlay_core::config::LIST_EVERY;
use overlay_core::id::NodeId;
use overlay_core::io::Signature;
use overlay_core::list::{List, Listed, Listing};
use overlay_core::time::Time;
use overlay_core::unit::{FrameInfo, Layer, TreeId, UnitHeader};
use overlay_core::wire::Message;

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

/// A list as it is told to a child.
struct Told {
    message: Vec<u8>,
    list: List,
    signature: Signature,
}

fn tell(identity: &Identity, list: List) -> Told {
    let signature = Signature(sign_list(identity, &list.encode().unwrap_or_default()));
    let message = Message::List { list: list.clone(), signature }.encode().unwrap_or_default();
    Told { message, list, signature }
}

fn hear(identity: &Identity, now: Time, listed: &mut Listed, told: &Told) {
    let bytes = told.list.encode().unwrap_or_default();
    if verify_list(&identity.public(), &bytes, &told.signature.0).is_ok() {
        listed.list(now, &told.list);
    }
}

/// Runs twenty seconds of a stream.
pub(crate) fn measure(load: &Load) -> Cost {
    let identity = Identity::from_seed(&Secret::take(&mut [1; 32]));
    let (mut bytes, mut signing, mut verifying) = (0, 0.0, 0.0);
    let size = load.kbps as usize * 125 / load.units_per_s as usize / load.data as usize;
    for index in 0..load.trees {
        let id = TreeId { slot: 0, layer: Layer::P720, index: index as u8 };
        let (mut listing, mut listed) = (Listing::default(), Listed::default());
        for number in 0..load.units_per_s * SECONDS {
            let now = Time(1_000_000_000 * number / load.units_per_s);
            let unit = vec![number as u8; size];
            let frame = FrameInfo { number: number as u32, key: false, temporal: 0 };
            let (k, m) = (load.data as u8, (load.trees - load.data) as u8);
            let header = UnitHeader { tree: id, feed: 1, frame, k, m, hop: 0 };
            let hash = || header.unit_hash(blake3::hash(&unit).as_bytes());
            let (ms, told) = cpu::ms(|| {
                let due = listing.due().is_some_and(|at| now >= at);
                let list = if due { listing.take(id, 1) } else { None };
                listing.put(now, (id, 1), frame.number, hash());
                list.map(|list| tell(&identity, list))
            });
            signing += ms;
            let (ms, ()) = cpu::ms(|| {
                if let Some(told) = &told {
                    hear(&identity, now, &mut listed, told);
                }
                listed.unit(now, (frame.number, hash()), NodeId([2; 32]), true);
            });
            verifying += ms;
            bytes += told.map_or(0, |told| told.message.len());
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
pub(crate) fn every_ms() -> u128 {
    LIST_EVERY.as_millis()
}
