//! Where a node has its place in the meeting, as it tells its own user (`docs/status.md`).

use serde::Deserialize;

/// One node of `canopy status --json`, as far as it matters here.
#[derive(Clone, Debug, Deserialize)]
pub struct Place {
    /// What it sent within the last second, kbit/s.
    pub out_kbps: u32,
    /// Its trees.
    pub status: Status,
}

/// See [`Place`].
#[derive(Clone, Debug, Deserialize)]
pub struct Status {
    /// Its key.
    pub me: String,
    /// Its trees.
    pub trees: Vec<Tree>,
}

/// Its place in one tree.
#[derive(Clone, Debug, Deserialize)]
pub struct Tree {
    /// Which one it is.
    pub tree: Name,
    /// Whose.
    pub source: Option<String>,
    /// True if frames are handed to its user.
    pub taken: bool,
    /// Who feeds it.
    pub parent: Option<String>,
    /// Whom it feeds.
    pub children: Vec<String>,
}

/// What a tree is called.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Name {
    /// Of the stage.
    pub slot: u32,
    /// Sound, or which picture.
    pub layer: String,
    /// Of the group.
    pub index: u32,
}

impl Place {
    /// What the program printed: of the one node that runs there.
    pub fn read(lines: &[String]) -> Option<Place> {
        let nodes: Vec<Place> = serde_json::from_str(&lines.join("\n")).ok()?;
        nodes.into_iter().next()
    }

    /// How many it feeds with what others send, in all trees together.
    pub fn passes_on(&self) -> usize {
        let others = self
            .status
            .trees
            .iter()
            .filter(|tree| tree.source.as_ref().is_some_and(|source| *source != self.status.me));
        others.map(|tree| tree.children.len()).sum()
    }
}

/// Links from the source to each who takes a tree, sound and pictures alike; a place that leads to no source counts as none.
pub fn depths(places: &[Option<Place>]) -> Vec<usize> {
    let places: Vec<&Place> = places.iter().flatten().collect();
    let mut depths = Vec::new();
    for place in &places {
        for tree in place.status.trees.iter().filter(|tree| tree.taken && tree.parent.is_some()) {
            let (mut at, mut links) = (tree, 0);
            let arrived = loop {
                let Some(parent) = &at.parent else { break at.source.is_some() && links > 0 };
                links += 1;
                if Some(parent) == at.source.as_ref() {
                    break true;
                }
                let above = places.iter().find(|place| place.status.me == *parent);
                let Some(next) =
                    above.and_then(|place| place.status.trees.iter().find(|other| other.tree == at.tree))
                else {
                    break false;
                };
                if links > places.len() {
                    break false;
                }
                at = next;
            };
            if arrived {
                depths.push(links);
            }
        }
    }
    depths
}
