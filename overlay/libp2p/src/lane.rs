//! The three lanes of a link, in the order in which they may use the uplink.

use std::time::Duration;

use overlay_core::config::{MESSAGE_MAX, UNIT_PAYLOAD_MAX};
use overlay_core::unit::Layer;
use overlay_core::wire::HEADER_LEN;

use crate::config;
use crate::counters::ByLane;

/// One of a link's streams in each direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lane {
    /// Control messages, and what makes the link.
    Control = 0,
    /// Sound.
    Audio = 1,
    /// Pictures.
    Video = 2,
}

impl Lane {
    /// All, the most urgent first.
    pub(crate) const ALL: [Lane; 3] = [Lane::Control, Lane::Audio, Lane::Video];

    /// The lane of a layer's units.
    pub(crate) fn of_layer(layer: Layer) -> Lane {
        if layer.is_audio() { Lane::Audio } else { Lane::Video }
    }

    /// The name of its stream protocol. It carries no version: a newer peer is to be named as such
    /// by its hello, not to fail with "no common protocol".
    pub(crate) fn protocol(self) -> &'static str {
        match self {
            Lane::Control => "/canopy/control",
            Lane::Audio => "/canopy/audio",
            Lane::Video => "/canopy/video",
        }
    }

    /// Bytes of the largest frame that is taken in on it.
    pub(crate) fn frame_max(self) -> usize {
        match self {
            Lane::Control => 1 + MESSAGE_MAX.max(2 + config::HELLO_MAX),
            Lane::Audio => HEADER_LEN + config::AUDIO_PAYLOAD_MAX,
            Lane::Video => HEADER_LEN + UNIT_PAYLOAD_MAX,
        }
    }

    /// Bytes that may wait on it for one peer.
    pub(crate) fn queue_max(self) -> usize {
        match self {
            Lane::Control => config::CONTROL_QUEUE_MAX,
            Lane::Audio => config::AUDIO_QUEUE_MAX,
            Lane::Video => config::VIDEO_QUEUE_MAX,
        }
    }

    /// How old a unit may be when its first byte is written; control never grows stale.
    pub(crate) fn stale_after(self) -> Option<Duration> {
        match self {
            Lane::Control => None,
            Lane::Audio => Some(config::AUDIO_STALE),
            Lane::Video => Some(config::VIDEO_STALE),
        }
    }

    /// Its number.
    pub(crate) fn of_mut(self, numbers: &mut ByLane) -> &mut u64 {
        match self {
            Lane::Control => &mut numbers.control,
            Lane::Audio => &mut numbers.audio,
            Lane::Video => &mut numbers.video,
        }
    }
}
