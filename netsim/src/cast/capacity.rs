//! What everybody together can send, over what everybody together wants.

use overlay_core::io::LayerRate;
use overlay_core::plan::own_kbps;

use super::{Cast, Person};

impl Cast {
    /// Usable uplink over demanded uplink, all arrived and nobody gone: the sum of all limits, over what it takes to
    /// bring everybody who watches the sound of every source, the largest picture of the first, and the
    /// smallest of each other one. All results depend on it. Zero if nobody sends anything.
    pub fn capacity_ratio(&self) -> f64 {
        let usable: u64 =
            self.people.iter().map(|person| u64::from(person.gives_of(person.limit_kbps))).sum();
        let mut demanded = 0;
        let watchers = self.people.iter().filter(|person| person.watch).count() as u64;
        let sources = self.people.iter().filter(|person| !person.sends.is_empty());
        for (at, source) in sources.enumerate() {
            let others = watchers - u64::from(source.watch);
            demanded += others * wanted_kbps(&source.sends, at == 0);
        }
        if demanded == 0 { 0.0 } else { usable as f64 / demanded as f64 }
    }

    /// True if somebody's way in holds less than the sound (twice) and the largest picture of every other source.
    pub fn is_narrow(&self, person: &Person) -> bool {
        let largest = |sends: &[LayerRate]| {
            let sound = sends.iter().filter(|rate| rate.layer.is_audio());
            let picture = sends.iter().rfind(|rate| !rate.layer.is_audio());
            sound.chain(picture).copied().collect::<Vec<_>>()
        };
        let cost = |source: &Person| u64::from(own_kbps(&largest(&source.sends)));
        let all: u64 = self.people.iter().map(cost).sum();
        u64::from(person.downlink_kbps) < all - cost(person)
    }
}

fn wanted_kbps(sends: &[LayerRate], is_main: bool) -> u64 {
    let sound = sends.iter().filter(|rate| rate.layer.is_audio());
    let mut pictures = sends.iter().filter(|rate| !rate.layer.is_audio());
    let picture = if is_main { pictures.max_by_key(|rate| rate.layer) } else { pictures.next() };
    sound.chain(picture).map(|rate| u64::from(rate.kbps)).sum()
}
