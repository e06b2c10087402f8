//! Drawings of trees: a row for each number of links from the source.

use std::collections::{BTreeMap, BTreeSet};

use maud::{Markup, html};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use super::Report;
use super::class::Class;
use super::plot::{Area, DrawError, Ink, WIDE, legend, svg, write_at};
use crate::record::{DRAWN_MAX, Edge};

/// So many trees are drawn, those with the most nodes first.
const TREES_MAX: usize = 12;
/// Nodes have their number written on them if no row has more of them.
const NUMBERED_MAX: usize = 36;
const LEFT: i32 = 90;
/// Pixels for places from left to right.
const ROOM: i32 = WIDE as i32 - LEFT - 20;
const ROW: i32 = 74;

/// The drawings, one of them open.
pub fn drawings(report: &Report) -> Markup {
    let mut trees: BTreeMap<&str, Vec<&Edge>> = BTreeMap::new();
    for edge in &report.trees {
        trees.entry(&edge.tree).or_default().push(edge);
    }
    let count = trees.len();
    let mut trees: Vec<(&str, Layout)> =
        trees.into_iter().map(|(name, edges)| (name, Layout::of(&edges))).collect();
    // A stable sort: names stay in order among trees of one size.
    trees.sort_by_key(|(_, layout)| std::cmp::Reverse(layout.size()));
    html! {
        (legend(&[(Ink::Participant, "participant"), (Ink::Relay, "relay (volunteer)")]))
        @if trees.iter().any(|(_, layout)| layout.is_drawn() && !layout.loose.is_empty()) {
            (legend(&[(Ink::Bad, "not connected to the source")]))
        }
        @for (at, (name, layout)) in trees.iter().take(TREES_MAX).enumerate() {
            details.tree name="tree" open[at == 0] {
                summary { (name) span.note {
                        (layout.size()) " nodes"
                        @if layout.is_drawn() { ", " (layout.rows.len().saturating_sub(1)) " links deep" }
                    } }
                @if layout.is_drawn() { div.wide { (layout.draw(name, report)) } }
                @else { p { "More than " (DRAWN_MAX) " nodes are not drawn." } }
            }
        }
        @if count > TREES_MAX {
            p.note { (count - TREES_MAX) " more trees are in report.json, under " code { "trees" } "." }
        }
    }
}

/// Where each node stands.
struct Layout {
    /// By number of links from the root: node, and its place from left to right.
    rows: Vec<Vec<(u32, f64)>>,
    /// Parent and child.
    edges: Vec<(u32, u32)>,
    /// Nodes that no root reaches.
    loose: Vec<u32>,
    /// Places in all.
    width: f64,
}

/// A tree that is being laid out.
struct Walk<'a> {
    children: &'a BTreeMap<u32, Vec<u32>>,
    rows: Vec<Vec<(u32, f64)>>,
    leaves: f64,
}

impl Walk<'_> {
    /// Leaves stand side by side, and a parent over the middle of its children. Every node here has one parent, so
    /// what hangs from a root has no circles.
    fn place(&mut self, node: u32, depth: usize) -> f64 {
        if self.rows.len() == depth {
            self.rows.push(Vec::new());
        }
        let children = self.children.get(&node).map_or(&[][..], Vec::as_slice);
        let places: Vec<f64> = children.iter().map(|child| self.place(*child, depth + 1)).collect();
        let place = match (places.first(), places.last()) {
            (Some(first), Some(last)) => (first + last) / 2.0,
            _ => {
                self.leaves += 1.0;
                self.leaves - 0.5
            }
        };
        self.rows[depth].push((node, place));
        place
    }
}

impl Layout {
    fn of(edges: &[&Edge]) -> Layout {
        let mut children: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        let (mut all, mut fed) = (BTreeSet::new(), BTreeSet::new());
        let mut kept = Vec::new();
        for edge in edges {
            all.extend([edge.parent, edge.child]);
            kept.push((edge.parent, edge.child));
            // Who has two parents is drawn under the first, with a line from both.
            if fed.insert(edge.child) {
                children.entry(edge.parent).or_default().push(edge.child);
            }
        }
        let mut walk = Walk { children: &children, rows: Vec::new(), leaves: 0.0 };
        if all.len() <= DRAWN_MAX {
            for root in all.difference(&fed) {
                walk.place(*root, 0);
            }
        }
        let (rows, width) = (walk.rows, walk.leaves);
        let placed: BTreeSet<u32> = rows.iter().flatten().map(|(node, _)| *node).collect();
        let loose: Vec<u32> = all.difference(&placed).copied().collect();
        let width = width.max(loose.len() as f64).max(1.0);
        Layout { rows, edges: kept, loose, width }
    }

    fn size(&self) -> usize {
        self.rows.iter().map(Vec::len).sum::<usize>() + self.loose.len()
    }

    fn is_drawn(&self) -> bool {
        self.size() <= DRAWN_MAX
    }

    /// Every node's place in the drawing.
    fn places(&self) -> BTreeMap<u32, (i32, i32)> {
        let room = f64::from(ROOM);
        let x = |place: f64| LEFT + (place / self.width * room) as i32;
        let y = |row: usize| 26 + ROW * row as i32;
        let loose = self.loose.iter().enumerate();
        let loose = loose.map(|(at, node)| (*node, (x(at as f64 + 0.5), y(self.rows.len()))));
        let rows = self.rows.iter().enumerate();
        let rows =
            rows.flat_map(|(row, nodes)| nodes.iter().map(move |(node, at)| (*node, (x(*at), y(row)))));
        rows.chain(loose).collect()
    }

    fn draw(&self, name: &str, report: &Report) -> Markup {
        let rows = self.rows.len() + usize::from(!self.loose.is_empty());
        let size = (WIDE, 26 * 2 + ROW as u32 * rows.saturating_sub(1) as u32);
        let label = format!("The tree {name}: {} nodes", self.size());
        svg(size, &label, |area| self.draw_on(area, report))
    }

    fn draw_on(&self, area: &Area, report: &Report) -> Result<(), DrawError> {
        let places = self.places();
        for row in 0..self.rows.len() {
            let text = match row {
                0 => "source".to_owned(),
                1 => "1 link".to_owned(),
                _ => format!("{row} links"),
            };
            write_at(area, &text, (4, 26 + ROW * row as i32), HPos::Left, VPos::Center)?;
        }
        for (parent, child) in &self.edges {
            let line = vec![places[parent], places[child]];
            area.draw(&PathElement::new(line, Ink::Edge.color().stroke_width(1)))?;
        }
        let most = self.rows.iter().map(Vec::len).chain([self.loose.len()]).max().unwrap_or(0);
        // Neighbours in a row don't touch.
        let apart = f64::from(ROOM) / self.width;
        let radius = if most <= NUMBERED_MAX { 11 } else { ((apart * 0.42) as i32).clamp(2, 4) };
        for (node, place) in &places {
            let ink = match report.nodes.get(*node as usize).map(|node| node.class) {
                _ if self.loose.contains(node) => Ink::Bad,
                Some(Class::Relays) => Ink::Relay,
                _ => Ink::Participant,
            };
            area.draw(&Circle::new(*place, radius, ink.color().filled()))?;
            if most <= NUMBERED_MAX {
                write_on(area, &node.to_string(), *place)?;
            }
        }
        Ok(())
    }
}

/// A number on a node, in the colour of the page.
fn write_on(area: &Area, text: &str, at: (i32, i32)) -> Result<(), DrawError> {
    let style = ("sans-serif", 13).into_font().color(&Ink::Paper.color());
    let style = style.pos(plotters::style::text_anchor::Pos::new(HPos::Center, VPos::Center));
    area.draw(&Text::new(text.to_owned(), at, style))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(edges: &[(u32, u32)]) -> Layout {
        let edge = |(parent, child): &(u32, u32)| Edge { tree: "t".into(), parent: *parent, child: *child };
        let edges: Vec<Edge> = edges.iter().map(edge).collect();
        Layout::of(&edges.iter().collect::<Vec<_>>())
    }

    #[test]
    fn a_parent_stands_over_the_middle_of_its_children() {
        let layout = layout(&[(9, 1), (9, 2), (1, 3), (1, 4)]);
        assert_eq!(layout.rows[0], [(9, 1.75)]);
        assert_eq!(layout.rows[1], [(1, 1.0), (2, 2.5)]);
        assert_eq!(layout.rows[2], [(3, 0.5), (4, 1.5)]);
        assert!(layout.loose.is_empty());
    }

    #[test]
    fn a_circle_is_drawn_apart() {
        let layout = layout(&[(0, 1), (5, 6), (6, 5)]);
        assert_eq!((layout.size(), &layout.loose), (4, &vec![5, 6]));
        assert_eq!(layout.places().len(), 4);
    }

    #[test]
    fn who_has_two_parents_stands_under_the_first_even_in_a_circle_below_a_root() {
        let layout = layout(&[(0, 1), (1, 2), (2, 1), (0, 2)]);
        let rows: Vec<Vec<u32>> =
            layout.rows.iter().map(|row| row.iter().map(|(node, _)| *node).collect()).collect();
        assert_eq!((rows, layout.size(), layout.edges.len()), (vec![vec![0], vec![1], vec![2]], 3, 4));
    }
}
