//! A map by ids that is searched with each unit and changes with each link.

use crate::id::NodeId;

/// In the order of ids. Their first words lie together, so that a search reads a few lines of memory.
#[derive(Debug)]
pub(crate) struct ById<V> {
    prefixes: Vec<u64>,
    entries: Vec<(NodeId, V)>,
}

impl<V> Default for ById<V> {
    fn default() -> ById<V> {
        ById { prefixes: Vec::new(), entries: Vec::new() }
    }
}

impl<V> ById<V> {
    /// Where an id is, or belongs.
    fn find(&self, id: NodeId) -> Result<usize, usize> {
        let prefix = id.prefix();
        let first = self.prefixes.partition_point(|other| *other < prefix);
        let alike = self.prefixes[first..].iter().take_while(|other| **other == prefix).count();
        match alike {
            0 => Err(first),
            _ => {
                let among = self.entries[first..first + alike].binary_search_by_key(&id, |(other, _)| *other);
                among.map(|at| first + at).map_err(|at| first + at)
            }
        }
    }

    pub(crate) fn get(&self, id: NodeId) -> Option<&V> {
        self.find(id).ok().map(|at| &self.entries[at].1)
    }

    pub(crate) fn get_mut(&mut self, id: NodeId) -> Option<&mut V> {
        self.find(id).ok().map(|at| &mut self.entries[at].1)
    }

    pub(crate) fn has(&self, id: NodeId) -> bool {
        self.find(id).is_ok()
    }

    /// In place of what was there.
    pub(crate) fn insert(&mut self, id: NodeId, value: V) {
        match self.find(id) {
            Ok(at) => self.entries[at].1 = value,
            Err(at) => {
                self.prefixes.insert(at, id.prefix());
                self.entries.insert(at, (id, value));
            }
        }
    }

    pub(crate) fn remove(&mut self, id: NodeId) -> Option<V> {
        let at = self.find(id).ok()?;
        self.prefixes.remove(at);
        Some(self.entries.remove(at).1)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (NodeId, &V)> {
        self.entries.iter().map(|(id, value)| (*id, value))
    }

    pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.entries.iter_mut().map(|(_, value)| value)
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_is_a_map_in_the_order_of_ids_also_of_those_that_begin_alike(
            steps in proptest::collection::vec((any::<bool>(), 0_u8..4, 0_u8..4, any::<u16>()), 1..100)
        ) {
            let (mut map, mut plain) = (ById::default(), BTreeMap::new());
            for (put, first, last, value) in steps {
                let mut id = NodeId([first; 32]);
                id.0[31] = last;
                if put {
                    map.insert(id, value);
                    plain.insert(id, value);
                } else {
                    prop_assert_eq!(map.remove(id), plain.remove(&id));
                }
                prop_assert_eq!(map.get(id), plain.get(&id));
                prop_assert_eq!(map.has(id), plain.contains_key(&id));
            }
            let all: Vec<(NodeId, u16)> = map.iter().map(|(id, value)| (id, *value)).collect();
            prop_assert_eq!(map.len(), all.len());
            prop_assert_eq!(all, plain.into_iter().collect::<Vec<_>>());
        }
    }
}
