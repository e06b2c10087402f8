//! What is sent, and who speaks, as a scenario writes it.

use overlay_core::config::SLOTS;
use overlay_core::io::LayerRate;
use overlay_core::unit::Layer;
use serde::{Deserialize, Serialize};

/// A layer's name in a scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LayerName {
    /// Opus.
    Audio,
    /// 320 x 180.
    P180,
    /// 640 x 360.
    P360,
    /// 1280 x 720.
    P720,
}

impl From<LayerName> for Layer {
    fn from(name: LayerName) -> Layer {
        match name {
            LayerName::Audio => Layer::Audio,
            LayerName::P180 => Layer::P180,
            LayerName::P360 => Layer::P360,
            LayerName::P720 => Layer::P720,
        }
    }
}

/// What layers cost, and what the stage holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Media {
    /// kbit/s of sealed frames.
    pub audio_kbps: u32,
    /// kbit/s of sealed frames.
    pub p180_kbps: u32,
    /// kbit/s of sealed frames.
    pub p360_kbps: u32,
    /// kbit/s of sealed frames.
    pub p720_kbps: u32,
    /// Places on the stage: sources that send at the same time.
    pub slots: u8,
    /// Of them, those that show thumbnails.
    pub gallery: u8,
}

impl Default for Media {
    fn default() -> Media {
        Media { audio_kbps: 32, p180_kbps: 150, p360_kbps: 500, p720_kbps: 1_500, slots: SLOTS, gallery: 9 }
    }
}

impl Media {
    /// What a layer costs.
    pub fn rate(&self, layer: Layer) -> LayerRate {
        let kbps = match layer {
            Layer::Audio => self.audio_kbps,
            Layer::P180 => self.p180_kbps,
            Layer::P360 => self.p360_kbps,
            Layer::P720 => self.p720_kbps,
        };
        LayerRate { layer, kbps }
    }
}

/// Participants who send the same. The first sources are the first participants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sources {
    /// How many.
    pub count: u32,
    /// What each sends.
    pub layers: Vec<LayerName>,
    /// Each has at least this uplink, whatever the mix draws: who shows 720p has the line for it.
    #[serde(default)]
    pub uplink_min_kbps: u32,
}

/// Who speaks when, see [`crate::turns`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Speech {
    /// So many take turns, the first of those who send sound; 0 means all of them.
    pub speakers: u32,
    /// Turns from a file, `meeting,speaker,start_s,dur_s`; its path counts from the scenario's folder.
    pub trace: Option<String>,
    /// Which meeting of that file; the first if it is not said.
    pub meeting: Option<String>,
    /// What who takes turns sends while others speak.
    pub between_turns: BetweenTurns,
}

/// What a source of sound sends while it does not speak.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BetweenTurns {
    /// Silence, at the same constant rate: nobody can tell from outside who speaks.
    #[default]
    Silence,
    /// No sound at all.
    Nothing,
}
