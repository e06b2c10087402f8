//! The data plane: forward, thin, drop, deliver. Nothing here looks at who is in the meeting.

use std::collections::VecDeque;

use crate::config;
use crate::delivered::Delivered;
use crate::id::NodeId;
use crate::io::Output;
use crate::links::{Taking, Thin, Tree};
use crate::list::Standing;
use crate::plan::Shape;
use crate::state::State;
use crate::time::Time;
use crate::unit::{Cut, Layer, Payload, TreeId, Unit, UnitHash, UnitHeader};
use crate::wire::{Message, TreeTick};

impl<P: Payload> State<P> {
    /// A unit came over a link.
    pub(crate) fn unit(&mut self, now: Time, from: NodeId, mut unit: Unit<P>) {
        let id = unit.header.tree;
        if unit.payload.size() > config::UNIT_PAYLOAD_MAX || usize::from(unit.header.hop) > config::HOPS_MAX {
            self.cut(now, from, "sent a unit beyond the bounds");
            return;
        }
        let Some(tree) = self.trees.get_mut(&id).filter(|tree| tree.may_bring(now, from)) else {
            self.charge(now, from, config::UNASKED_COST, 0);
            return;
        };
        if (tree.feed, tree.k) != (unit.header.feed, unit.header.k) {
            return;
        }
        // One that is asked to feed again will: a leave on the way behind that would have it feed nobody, unknown to this node.
        let is_left = tree.parent == Some(from) && !tree.old.is_some_and(|old| tree.is_asking(old));
        let old = if is_left { tree.old.take() } else { None };
        if let Some(old) = old {
            tree.left = Some((old, now + config::LEFT_FOR));
        }
        self.downlink.came(now, unit.payload.size());
        unit.header.hop = unit.header.hop.saturating_add(1);
        let (number, hash) = (unit.header.frame.number, unit.hash());
        let standing = tree.lists.listed.unit(now, (number, hash), from, tree.ring.lacks(number));
        match standing {
            Standing::Fresh => drop(tree.ring.add(now, unit.clone())),
            Standing::Second => tree.ring.keep(now, unit.clone()),
            Standing::Known | Standing::False => {}
        }
        let mut switched = false;
        if matches!(standing, Standing::Fresh | Standing::Second) {
            switched = carry(now, tree, unit, hash, &mut self.delivered, &mut self.outbox);
        }
        let mut on_trial = false;
        if standing == Standing::Fresh {
            tree.feed(now);
            on_trial = tree.trial.is_some();
        }
        if on_trial {
            self.end_trial(now, id, from);
        } else if standing == Standing::Fresh && id.layer.is_audio() {
            self.compare_twins(now, id, number);
        }
        if let Some(old) = old {
            self.tell(now, old, &Message::Detach { tree: id });
        }
        if switched {
            self.end_switch(id);
        }
    }

    /// The units of a frame of this node's own source go into the trees of its layer's group. One that was cut for another
    /// shape, which the stage has changed meanwhile, goes nowhere.
    pub(crate) fn publish(&mut self, now: Time, frame: Cut<P>) {
        let Some((slot, feed)) = self.on_stage else { return };
        let Some(Shape { k, m }) = self.shape(frame.layer).filter(|shape| shape.k == frame.k) else { return };
        for index in 0..k.saturating_add(m) {
            let tree = TreeId { slot, layer: frame.layer, index };
            let Some(root) = self.trees.get_mut(&tree).filter(|tree| tree.is_root) else { continue };
            let at = if k == 1 { 0 } else { index };
            let Some((_, payload)) = frame.units.iter().find(|(place, _)| *place == at) else { continue };
            let header = UnitHeader { tree, feed, frame: frame.info, k, m, hop: 0 };
            let unit = Unit { header, payload: payload.clone() };
            let hash = unit.hash();
            if root.ring.add(now, unit.clone()) {
                carry(now, root, unit, hash, &mut self.delivered, &mut self.outbox);
                self.note_own(now, tree, frame.info.number, hash);
            }
        }
    }

    /// Into how many units a frame of this layer of this node's own source is cut now; none while it has no place.
    pub(crate) fn shape(&self, layer: Layer) -> Option<Shape> {
        let (slot, _) = self.on_stage?;
        let (_, group) = self.group(TreeId { slot, layer, index: 0 })?;
        Some(Shape { k: group.k, m: group.m })
    }

    /// The edge could not keep up with a child: nothing of this tree until the next key frame.
    pub(crate) fn dropped(&mut self, now: Time, peer: NodeId, id: TreeId) {
        let Some(child) = self.trees.get_mut(&id).and_then(|tree| tree.child(peer)) else { return };
        // Nothing went out: a tick says so, should nothing else go on this link.
        (child.dropped, child.sent) = (Some(now), Time::ZERO);
        if id.layer.is_audio() {
            return;
        }
        let began = std::mem::replace(&mut child.thin, Thin::ToKey) != Thin::ToKey;
        if began && let Some(tree) = self.trees.get(&id) {
            let (live, newest) = (tree.is_live(), tree.ring.next_number());
            let tick = TreeTick { tree: id, live, thinned: true, path: None, newest };
            self.tell(now, peer, &Message::Tick { trees: vec![tick] });
        }
        self.want_key(now, id);
    }

    /// Frames of a tree that came before this node knew whom to tell.
    pub(crate) fn deliver_kept(&mut self, id: TreeId) {
        let Some(tree) = self.trees.get_mut(&id) else { return };
        let kept: Vec<Unit<P>> = tree.ring.since(None).0.cloned().collect();
        let mut switched = false;
        for unit in kept {
            let hash = unit.hash();
            switched |= deliver(tree, unit, hash, &mut self.delivered, &mut self.outbox);
        }
        if switched {
            self.end_switch(id);
        }
    }

    /// The first key frame of a new layer, which this tree is one of, ends the old one.
    fn end_switch(&mut self, id: TreeId) {
        for tree in self.trees.values_mut().filter(|tree| tree.id.slot == id.slot) {
            tree.taking = match tree.taking {
                Taking::FromKey { .. } if tree.id.layer == id.layer => Taking::Yes,
                Taking::UntilNext => Taking::No,
                other => other,
            };
        }
    }

    /// Takes from what a neighbour may send; one that sends too much is cut. False then.
    pub(crate) fn charge(&mut self, now: Time, from: NodeId, messages: u64, bytes: u64) -> bool {
        let fits = self.links.get_mut(from).is_some_and(|neighbour| neighbour.charge(now, messages, bytes));
        if !fits && self.links.has(from) {
            self.cut(now, from, "floods");
        }
        fits
    }
}

/// Gives a unit that is new here to each child that wants it and to this node's user; see [`deliver`].
fn carry<P: Payload>(
    now: Time,
    tree: &mut Tree<P>,
    unit: Unit<P>,
    hash: UnitHash,
    delivered: &mut Delivered<P>,
    outbox: &mut VecDeque<Output<P>>,
) -> bool {
    if unit.header.frame.key {
        tree.key_pending = false;
    }
    for child in tree.children.iter_mut() {
        if child.wants(now, &unit.header) {
            child.sent = now;
            outbox.push_back(Output::Unit { to: child.peer, unit: unit.clone() });
        }
    }
    deliver(tree, unit, hash, delivered, outbox)
}

/// Hands over what can be joined by this unit. True if a layer that was waited for has its key frame now.
fn deliver<P: Payload>(
    tree: &Tree<P>,
    unit: Unit<P>,
    hash: UnitHash,
    delivered: &mut Delivered<P>,
    outbox: &mut VecDeque<Output<P>>,
) -> bool {
    if tree.taking == Taking::No {
        return false;
    }
    let (feed, from_key) = (unit.header.feed, matches!(tree.taking, Taking::FromKey { .. }));
    let handed = delivered.take(unit, hash, from_key);
    let deliver = |frame| Output::Deliver { source: tree.source, feed, frame };
    outbox.extend(handed.frames.into_iter().map(deliver));
    from_key && handed.key
}
