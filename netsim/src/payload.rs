//! A frame without its bytes.

use overlay_core::plan::Shape;
use overlay_core::shards::unit_len;
use overlay_core::time::Time;
use overlay_core::unit::{Cut, Frame, Layer, Payload, UnitHash, UnitHeader};

/// A length, and what was sealed into it: enough to see that nobody is handed what is not of that source, that
/// layer and that number, and how long it took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parcel {
    /// Length in bytes.
    pub len: u32,
    /// Whose frame it is.
    pub source: u32,
    /// Its number, as the source counts.
    pub number: u32,
    /// Which layer.
    pub layer: Layer,
    /// True once somebody has changed it on the way: whoever opens it sees that.
    pub altered: bool,
    /// When it was published.
    pub born: Time,
    /// Which key it is sealed with; 0 where no keys are agreed.
    pub label: u64,
}

impl Payload for Parcel {
    fn size(&self) -> usize {
        self.len as usize
    }

    /// Two units differ in it if anything differs in them that a hash would show. It costs a simulated node no hashing.
    fn hash(&self, header: &UnitHeader) -> UnitHash {
        let mut hash = [0; UnitHash::LEN];
        hash[..4].copy_from_slice(&header.frame.number.to_be_bytes());
        hash[4..8].copy_from_slice(&(self.number ^ self.source << 16 ^ header.feed << 8).to_be_bytes());
        hash[8] = u8::from(self.altered) | u8::from(header.frame.key) << 1 | header.frame.temporal << 2;
        hash[9] = self.layer as u8 | (header.tree.layer as u8) << 4;
        hash[10] = header.tree.slot;
        hash[11..]
            .copy_from_slice(&(self.born.0 ^ u64::from(self.len) << 20 ^ self.label).to_be_bytes()[3..]);
        UnitHash(hash)
    }
}

/// A frame as the units of its group: as long as those of the shipped program, and counted instead of computed.
pub fn cut(frame: Frame<Parcel>, shape: Shape) -> Cut<Parcel> {
    if shape.k == 1 {
        return Cut::whole(frame);
    }
    let len = unit_len(frame.payload.size(), shape.k) as u32;
    let units = (0..shape.trees()).map(|place| (place, Parcel { len, ..frame.payload })).collect();
    Cut { layer: frame.layer, info: frame.info, k: shape.k, units }
}

/// The frame of these units; altered if any of them is. None if they are of different frames, which their edge sees.
pub fn joined(cut: &Cut<Parcel>) -> Option<Frame<Parcel>> {
    let (_, first) = cut.units.first()?;
    let same = |unit: &Parcel| {
        (unit.source, unit.number, unit.layer, unit.len)
            == (first.source, first.number, first.layer, first.len)
    };
    if !cut.units.iter().all(|(_, unit)| same(unit)) {
        return None;
    }
    let altered = cut.units.iter().any(|(_, unit)| unit.altered);
    let len = if cut.k == 1 { first.len } else { first.len * u32::from(cut.k) };
    Some(Frame { layer: cut.layer, info: cut.info, payload: Parcel { len, altered, ..*first } })
}
