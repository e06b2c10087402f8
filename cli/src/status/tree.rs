//! A node's place as people read it: who feeds it, whom it feeds, and within which limits.

use overlay_core::id::NodeId;
use overlay_core::io::Kind;
use overlay_core::status::{Status, TreeStatus};
use overlay_core::unit::Layer;
use termtree::Tree;

use super::Answer;

/// The text, a line for each tree and each child.
pub(super) fn drawn(answer: &Answer) -> Tree<String> {
    let status = &answer.status;
    let mut root = Tree::new(head(answer)).with_leaves([limits(answer), plan(status)]);
    for tree in &status.trees {
        let mut branch = Tree::new(carried(status, tree));
        if status.me != tree.source {
            branch.push(fed(status, tree));
        }
        for child in &tree.children {
            branch.push(format!("feeds {}", named(status, child)));
        }
        root.push(branch);
    }
    root
}

fn head(answer: &Answer) -> String {
    let status = &answer.status;
    let kind = match status.kind {
        Kind::Participant => "participant",
        Kind::Relay => "relay",
    };
    let stage = if status.on_stage.is_some() { ", on the stage" } else { "" };
    format!("{kind} {}{stage} (process {})", status.me.short(), answer.pid)
}

fn limits(answer: &Answer) -> String {
    let downlink = match answer.status.downlink_kbps {
        0 => String::new(),
        kbps => format!("; your downlink carries about {kbps} kbit/s, and pictures are chosen to fit"),
    };
    let limit = answer.limit_kbps.map_or_else(|| "any rate".into(), |kbps| format!("{kbps} kbit/s"));
    format!(
        "may send {limit}, {} of it for others ({} offered now); its children are promised {}; now in {}, out {}, at most {} \
         kbit/s; {} units given up{downlink}",
        answer.status.lends_kbps,
        answer.status.offers_kbps,
        answer.status.committed_kbps,
        answer.in_kbps,
        answer.out_kbps,
        answer.peak_kbps,
        answer.units_dropped
    )
}

fn plan(status: &Status) -> String {
    let relays = status.members.iter().filter(|member| member.kind == Kind::Relay).count();
    let linked = status.members.iter().filter(|member| member.linked).count();
    let plan = match &status.coordinator {
        Some(by) => {
            format!("follows plan {} of {} (term {})", status.plan, named(status, by), status.term)
        }
        None => "has no plan yet".into(),
    };
    format!("{plan}; knows {} others, {relays} of them relays; linked to {linked}", status.members.len())
}

fn carried(status: &Status, tree: &TreeStatus) -> String {
    let what = match tree.tree.layer {
        Layer::Audio => "sound",
        Layer::P180 => "180p",
        Layer::P360 => "360p",
        Layer::P720 => "720p",
    };
    let own = if tree.taken || status.me == tree.source { "" } else { ", for others only" };
    format!(
        "{what} of {} (slot {}, tree {}){own}, {} kbit/s a child",
        named(status, &tree.source),
        tree.tree.slot,
        tree.tree.index,
        tree.kbps
    )
}

fn fed(status: &Status, tree: &TreeStatus) -> String {
    let by = tree.parent.as_ref().map_or_else(|| "nobody: looking".into(), |parent| named(status, parent));
    let backups: Vec<String> = tree.backups.iter().map(|backup| named(status, backup)).collect();
    let else_by =
        if backups.is_empty() { String::new() } else { format!(", else by {}", backups.join(", ")) };
    let live = if tree.live { "" } else { "; nothing comes" };
    let verified = match tree.verified {
        Some(true) => "; verified",
        Some(false) => "; not verified",
        None => "",
    };
    format!("fed by {by}{else_by}{live}{verified}")
}

fn named(status: &Status, id: &NodeId) -> String {
    let relay = |member: &overlay_core::status::MemberStatus| member.id == *id && member.kind == Kind::Relay;
    match *id == status.me {
        true => "itself".into(),
        false if status.members.iter().any(relay) => format!("relay {}", id.short()),
        false => id.short(),
    }
}

#[cfg(test)]
mod tests {
    use overlay_core::status::MemberStatus;
    use overlay_core::unit::TreeId;

    use super::*;

    fn id(byte: u8) -> NodeId {
        NodeId([byte; 32])
    }

    #[test]
    fn a_place_is_told_in_words() {
        let tree = |layer, source, parent, children| TreeStatus {
            tree: TreeId { slot: 1, layer, index: 0 },
            source,
            feed: 1,
            kbps: 60,
            taken: source != id(4),
            parent,
            backups: vec![id(3)],
            children,
            live: parent.is_some(),
            verified: Some(true),
        };
        let member = |byte, kind| MemberStatus {
            id: id(byte),
            kind,
            uplink_kbps: 1,
            lends_kbps: 1,
            offers_kbps: 1,
            sends: false,
            watch: true,
            linked: byte != 4,
        };
        let status = Status {
            me: id(1),
            kind: Kind::Participant,
            coordinator: Some(id(4)),
            term: 7,
            plan: 12,
            uplink_kbps: 3_000,
            lends_kbps: 1_000,
            offers_kbps: 500,
            downlink_kbps: 900,
            committed_kbps: 120,
            on_stage: Some((1, 1)),
            trees: vec![
                tree(Layer::Audio, id(1), None, vec![id(2), id(4)]),
                tree(Layer::P360, id(4), Some(id(2)), vec![id(3)]),
                tree(Layer::P180, id(3), None, vec![]),
            ],
            members: vec![member(2, Kind::Relay), member(3, Kind::Participant), member(4, Kind::Participant)],
        };
        let answer = Answer {
            pid: 99,
            limit_kbps: Some(3_000),
            in_kbps: 800,
            out_kbps: 150,
            peak_kbps: 400,
            units_dropped: 2,
            status,
        };
        insta::assert_snapshot!(drawn(&answer).to_string(), @r"
        participant 01010101, on the stage (process 99)
        ├── may send 3000 kbit/s, 1000 of it for others (500 offered now); its children are promised 120; now in 800, out 150, at most 400 kbit/s; 2 units given up; your downlink carries about 900 kbit/s, and pictures are chosen to fit
        ├── follows plan 12 of 04040404 (term 7); knows 3 others, 1 of them relays; linked to 2
        ├── sound of itself (slot 1, tree 0), 60 kbit/s a child
        │   ├── feeds relay 02020202
        │   └── feeds 04040404
        ├── 360p of 04040404 (slot 1, tree 0), for others only, 60 kbit/s a child
        │   ├── fed by relay 02020202, else by 03030303; verified
        │   └── feeds 03030303
        └── 180p of 03030303 (slot 1, tree 0), 60 kbit/s a child
            └── fed by nobody: looking, else by 03030303; nothing comes; verified
        ");
        let text = serde_json::to_string(&answer).unwrap();
        let read: Answer = serde_json::from_str(&text).unwrap();
        assert_eq!(read.status, answer.status);
    }
}
