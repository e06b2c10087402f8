//! Connections to other machines, as one end sees them.

use std::time::Duration;

use overlay_core::time::Time;

/// A connection to another machine.
#[derive(Clone, Debug)]
pub struct Link {
    /// The other end.
    pub to: u32,
    /// Which connection between the two: grows with each.
    pub serial: u64,
    /// True once the handshake is over at this end.
    pub up: bool,
    /// Mean one-way delay.
    pub path: Duration,
    /// When the last thing of each lane arrives: streams keep their order.
    pub last: [Time; 3],
    /// Control messages that can't get through a partition.
    pub held: Vec<Vec<u8>>,
    /// True while a partition lies between the two.
    pub severed: bool,
}

/// All links of a machine, in the order of their ends. The ends stand apart as well: a link is looked up with each
/// unit, and a few lines of memory hold all ends.
#[derive(Clone, Debug, Default)]
pub struct Links {
    ends: Vec<u32>,
    links: Vec<Link>,
}

impl Links {
    /// The link to another machine.
    pub fn to(&self, end: u32) -> Option<&Link> {
        self.ends.binary_search(&end).ok().map(|at| &self.links[at])
    }

    /// The link to another machine.
    pub fn to_mut(&mut self, end: u32) -> Option<&mut Link> {
        self.ends.binary_search(&end).ok().map(|at| &mut self.links[at])
    }

    /// Adds a link; there is none to this machine.
    pub fn add(&mut self, to: u32, serial: u64, path: Duration) {
        let at = self.ends.partition_point(|end| *end < to);
        let (last, held) = ([Time::ZERO; 3], Vec::new());
        self.ends.insert(at, to);
        self.links.insert(at, Link { to, serial, up: false, path, last, held, severed: false });
    }

    /// Takes a link out; gives it if it was there and is this one.
    pub fn remove(&mut self, to: u32, serial: u64) -> Option<Link> {
        let at = self.ends.binary_search(&to).ok()?;
        (self.links[at].serial == serial).then(|| {
            self.ends.remove(at);
            self.links.remove(at)
        })
    }

    /// All of them.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Link> {
        self.links.iter_mut()
    }

    /// Takes all of them out.
    pub fn take(&mut self) -> Vec<Link> {
        self.ends.clear();
        std::mem::take(&mut self.links)
    }

    /// True if there is none.
    pub fn is_empty(&self) -> bool {
        self.links.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_found_by_its_end_and_taken_out_only_as_the_one_that_it_is() {
        let mut links = Links::default();
        for (serial, to) in (1..).zip([7, 3, 9]) {
            links.add(to, serial, Duration::from_millis(u64::from(to)));
        }
        assert_eq!(links.to(3).map(|link| (link.serial, link.path.as_millis())), Some((2, 3)));
        assert!(links.to(8).is_none() && links.remove(3, 1).is_none());
        assert!(links.remove(3, 2).is_some() && links.to(3).is_none());
        assert_eq!(links.to_mut(9).map(|link| link.serial), Some(3));
        assert_eq!(links.take().len(), 2);
        assert!(links.is_empty() && links.to(9).is_none());
    }
}
