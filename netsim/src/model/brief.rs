//! What every node of a model knows before it starts.

use std::rc::Rc;

use overlay_core::io::{Kind, LayerRate};
use overlay_core::plan::wire_kbps;
use overlay_core::unit::{Layer, TreeId};

use crate::cast::{Cast, Person};
use crate::scenario::{Models, Scenario};

/// A receiver asks for no more than this share of its way in, percent.
const DOWNLINK_PERCENT: u64 = 90;

/// Who sends what, who wants it, and what the models are set to.
#[derive(Debug)]
pub struct Brief {
    /// Everybody.
    pub people: Vec<Person>,
    /// Who sends, in the order of the slots, and what.
    pub sources: Vec<(u32, Vec<LayerRate>)>,
    /// See [`Models`].
    pub models: Models,
    /// The run's.
    pub seed: u64,
    /// The node that only the star has: its server.
    pub server: Option<u32>,
}

impl Brief {
    /// The brief of a run.
    pub fn of(scenario: &Scenario, cast: &Cast, seed: u64, server: Option<u32>) -> Rc<Brief> {
        let people = (0..).zip(&cast.people);
        let sources = people.filter(|(_, person)| !person.sends.is_empty());
        Rc::new(Brief {
            people: cast.people.clone(),
            sources: sources.map(|(who, person)| (who, person.sends.clone())).collect(),
            models: scenario.models.clone(),
            seed,
            server,
        })
    }

    /// How many places a table of all trees has, see [`Brief::place`].
    pub fn places(&self) -> usize {
        self.sources.len() * Layer::ALL.len()
    }

    /// Where a tree stands in such a table; none if there is no such tree.
    pub fn place(&self, tree: TreeId) -> Option<usize> {
        let place = usize::from(tree.slot) * Layer::ALL.len() + tree.layer as usize;
        (place < self.places()).then_some(place)
    }

    /// The tree of a place.
    pub fn tree(&self, place: usize) -> TreeId {
        let slot = u8::try_from(place / Layer::ALL.len()).unwrap_or(u8::MAX);
        TreeId { slot, layer: Layer::ALL[place % Layer::ALL.len()], index: 0 }
    }

    /// Who sends into a tree.
    pub fn source(&self, tree: TreeId) -> u32 {
        self.sources[usize::from(tree.slot)].0
    }

    /// What a child in this tree costs, kbit/s on the wire; none if nobody sends that layer.
    pub fn kbps(&self, tree: TreeId) -> Option<u32> {
        let (_, rates) = self.sources.get(usize::from(tree.slot))?;
        rates.iter().find(|rate| rate.layer == tree.layer).map(|rate| wire_kbps(*rate))
    }

    /// The slot that this node sends into.
    pub fn slot_of(&self, who: u32) -> Option<u8> {
        let at = self.sources.iter().position(|(source, _)| *source == who)?;
        u8::try_from(at).ok()
    }

    /// The next smaller picture of the same source.
    pub fn smaller(&self, tree: TreeId) -> Option<TreeId> {
        let (_, rates) = &self.sources[usize::from(tree.slot)];
        let smaller = rates.iter().filter(|rate| !rate.layer.is_audio() && rate.layer < tree.layer);
        smaller.map(|rate| rate.layer).max().map(|layer| TreeId { layer, ..tree })
    }

    /// What a node wants: of every other source the sound and the smallest picture, of the first the largest picture that
    /// its way in has room for. A volunteer in the trees takes the layers of one slot, in turn.
    pub fn wants(&self, who: u32) -> Vec<TreeId> {
        let person = &self.people[who as usize];
        let all = (0..self.places()).map(|place| self.tree(place)).filter(|tree| self.kbps(*tree).is_some());
        if person.kind == Kind::Relay {
            let slots = u32::try_from(self.sources.len()).unwrap_or(1).max(1);
            let everything = self.server == Some(who);
            return all.filter(|tree| everything || u32::from(tree.slot) == who % slots).collect();
        }
        if !person.watch {
            return Vec::new();
        }
        let others = all.filter(|tree| self.source(*tree) != who);
        let smallest = |tree: &TreeId| tree.layer.is_audio() || self.smaller(*tree).is_none();
        let mut wants: Vec<TreeId> = others.filter(smallest).collect();
        let room = u64::from(person.downlink_kbps) * DOWNLINK_PERCENT / 100;
        let taken: u64 = wants.iter().filter_map(|tree| self.kbps(*tree)).map(u64::from).sum();
        let most = Layer::from(self.models.main);
        if let Some(main) = wants.iter_mut().find(|tree| tree.slot == 0 && !tree.layer.is_audio()) {
            let own = u64::from(self.kbps(*main).unwrap_or(0));
            let fits = |layer: &Layer| {
                let kbps = self.kbps(TreeId { layer: *layer, ..*main });
                *layer <= most && kbps.is_some_and(|kbps| taken - own + u64::from(kbps) <= room)
            };
            let pictures = Layer::ALL.into_iter().filter(|layer| !layer.is_audio());
            main.layer = pictures.filter(fits).max().unwrap_or(main.layer);
        }
        wants
    }
}
