//! The data plane: forward, thin, drop, deliver. Nothing here looks at who is in the meeting.

use std::collections::VecDeque;

use crate::config;
use crate::delivered::Delivered;
use crate::id::NodeId;
use crate::io::Output;
use crate::links::{Taking, Thin, Tree};
use crate::list::Standing;
use crate::state::State;
use crate::time::Time;
use crate::unit::{Frame, Payload, TreeId, Unit, UnitHash, UnitHeader};
use crate::wire::Message;

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
        if tree.feed != unit.header.feed {
            return;
        }
        let old = if tree.parent == Some(from) { tree.old.take() } else { None };
        if let Some(old) = old {
            tree.left = Some((old, now + config::LEFT_FOR));
        }
        unit.header.hop = unit.header.hop.saturating_add(1);
        let (number, hash) = (unit.header.frame.number, unit.hash());
        let standing = tree.lists.listed.unit(now, (number, hash), from, tree.ring.lacks(number));
        match standing {
            Standing::Fresh => drop(tree.ring.add(now, unit.clone())),
            Standing::Second => tree.ring.keep(now, unit.clone()),
            Standing::Known | Standing::False => {}
        }
        if matches!(standing, Standing::Fresh | Standing::Second) {
            carry(now, tree, unit, hash, &mut self.delivered, &mut self.outbox);
        }
        let (mut on_trial, switches) = (false, matches!(tree.taking, Taking::FromKey { .. }));
        if standing == Standing::Fresh {
            tree.feed(now);
            on_trial = tree.trial.is_some();
        }
        if on_trial {
            self.end_trial(now, id, from);
        }
        if let Some(old) = old {
            self.tell(now, old, &Message::Detach { tree: id });
        }
        if switches {
            self.end_switch(id);
        }
    }

    /// A frame of this node's own source goes into each tree of its layer's group. With k = 1, which is all that is
    /// planned in this version, every unit is the whole frame.
    pub(crate) fn publish(&mut self, now: Time, frame: Frame<P>) {
        let Some((slot, feed)) = self.on_stage else { return };
        let first = TreeId { slot, layer: frame.layer, index: 0 };
        let Some((k, m)) = self.group(first).map(|(_, group)| (group.k, group.m)).filter(|(k, _)| *k == 1)
        else {
            return;
        };
        for index in 0..k.saturating_add(m) {
            let tree = TreeId { index, ..first };
            let Some(root) = self.trees.get_mut(&tree).filter(|tree| tree.is_root) else { continue };
            let header = UnitHeader { tree, feed, frame: frame.info, k, m, hop: 0 };
            let unit = Unit { header, payload: frame.payload.clone() };
            let hash = unit.hash();
            if root.ring.add(now, unit.clone()) {
                carry(now, root, unit, hash, &mut self.delivered, &mut self.outbox);
                self.note_own(now, tree, frame.info.number, hash);
            }
        }
    }

    /// The edge could not keep up with a child: nothing of this tree until the next key frame.
    pub(crate) fn dropped(&mut self, now: Time, peer: NodeId, id: TreeId) {
        let child = self.trees.get_mut(&id).and_then(|tree| tree.child(peer));
        if let Some(child) = child.filter(|_| !id.layer.is_audio()) {
            child.thin = Thin::ToKey;
            self.want_key(now, id);
        }
    }

    /// Frames of a tree that came before this node knew whom to tell.
    pub(crate) fn deliver_kept(&mut self, id: TreeId) {
        let Some(tree) = self.trees.get_mut(&id) else { return };
        let kept: Vec<Unit<P>> = tree.ring.since(None).0.cloned().collect();
        for unit in kept {
            let hash = unit.hash();
            deliver(tree, unit, hash, &mut self.delivered, &mut self.outbox);
        }
        self.end_switch(id);
    }

    /// The first key frame of a new layer ends the old one.
    fn end_switch(&mut self, id: TreeId) {
        let Some(tree) = self.trees.get_mut(&id).filter(|tree| matches!(tree.taking, Taking::FromKey { .. }))
        else {
            return;
        };
        let has_key = tree.ring.since(None).1;
        if !has_key {
            return;
        }
        tree.taking = Taking::Yes;
        for other in self.trees.values_mut().filter(|other| other.id.slot == id.slot) {
            if other.taking == Taking::UntilNext {
                other.taking = Taking::No;
            }
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

/// Gives a unit that is new here to each child that wants it and to this node's user.
fn carry<P: Payload>(
    now: Time,
    tree: &mut Tree<P>,
    unit: Unit<P>,
    hash: UnitHash,
    delivered: &mut Delivered,
    outbox: &mut VecDeque<Output<P>>,
) {
    if unit.header.frame.key {
        tree.key_pending = false;
    }
    for child in tree.children.iter_mut() {
        if child.wants(now, &unit.header) {
            child.sent = now;
            outbox.push_back(Output::Unit { to: child.peer, unit: unit.clone() });
        }
    }
    deliver(tree, unit, hash, delivered, outbox);
}

fn deliver<P: Payload>(
    tree: &Tree<P>,
    unit: Unit<P>,
    hash: UnitHash,
    delivered: &mut Delivered,
    outbox: &mut VecDeque<Output<P>>,
) {
    let UnitHeader { tree: id, feed, frame: info, k, .. } = unit.header;
    let wanted = match tree.taking {
        Taking::No => false,
        Taking::FromKey { .. } => info.key,
        Taking::Yes | Taking::UntilNext => true,
    };
    // A frame of several units would be joined here; this version plans k = 1 only.
    if wanted && k == 1 && delivered.mark(id, feed, info.number, hash) {
        let frame = Frame { layer: id.layer, info, payload: unit.payload };
        outbox.push_back(Output::Deliver { source: tree.source, feed, frame });
    }
}
