//! The one clock: nanoseconds since the node was started.

use std::time::Instant;

use overlay_core::time::Time;

/// Turns the machine's monotonic clock into the core's time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    origin: Instant,
}

impl Clock {
    /// A clock that shows zero now.
    #[allow(clippy::disallowed_methods, reason = "this is the edge's one clock")]
    pub(crate) fn start() -> Clock {
        Clock { origin: Instant::now() }
    }

    /// The time now.
    #[allow(clippy::disallowed_methods, reason = "this is the edge's one clock")]
    pub(crate) fn now(&self) -> Time {
        Time::ZERO + Instant::now().duration_since(self.origin)
    }

    /// The machine's moment of a time, for timers.
    pub(crate) fn instant(&self, time: Time) -> tokio::time::Instant {
        tokio::time::Instant::from_std(self.origin + time.since(Time::ZERO))
    }

    /// True until the machine's clock reaches `at`.
    pub(crate) fn is_before(&self, at: tokio::time::Instant) -> bool {
        self.instant(self.now()) < at
    }
}
