//! Writes down what the core is told, for `netsim replay`.

use std::fs::File;
use std::io::{self, BufWriter};
use std::time::Duration;

use overlay_core::io::{Input, Output};
use overlay_core::node::Config;
use overlay_core::time::Time;
use overlay_journal::{Brief, Wants, Writer};

use crate::framing::Parcel;

/// The file is written at least this often while the core is called, so that a killed process leaves its run.
const FLUSH_EVERY: Duration = Duration::from_millis(250);

/// The journal of a core. It stops at the first error of the file, which is logged.
pub(crate) struct Recorder {
    writer: Option<Writer<BufWriter<File>>>,
    /// What the core is being told.
    call: Option<(Time, Input<Brief>)>,
    wants: Wants,
    flushed: Time,
}

fn brief(parcel: &Parcel) -> Brief {
    Brief::of(&parcel.payload())
}

impl Recorder {
    /// The journal of a core that is started with this.
    pub(crate) fn start(file: File, config: &Config) -> io::Result<Recorder> {
        let writer = Writer::new(BufWriter::new(file), config)?;
        Ok(Recorder { writer: Some(writer), call: None, wants: Wants::default(), flushed: Time::ZERO })
    }

    /// The core is told this.
    pub(crate) fn told(&mut self, at: Time, input: &Input<Parcel>) {
        self.call = Some((at, input.clone().map(|parcel| brief(&parcel))));
        self.wants = Wants::default();
    }

    /// It wants this done.
    pub(crate) fn wants(&mut self, output: &Output<Parcel>) {
        self.wants.add(&output.clone().map(|parcel| brief(&parcel)));
    }

    /// That was all.
    pub(crate) fn done(&mut self) {
        let (Some(writer), Some((at, input))) = (&mut self.writer, self.call.take()) else { return };
        if let Err(error) = writer.step(at, input, &self.wants) {
            self.stop(&error);
        }
        if at.since(self.flushed) > FLUSH_EVERY {
            self.flushed = at;
            self.flush();
        }
    }

    /// Everything so far is in the file.
    pub(crate) fn flush(&mut self) {
        if let Some(Err(error)) = self.writer.as_mut().map(Writer::flush) {
            self.stop(&error);
        }
    }

    fn stop(&mut self, error: &io::Error) {
        tracing::error!(%error, "the core's journal can't be written on, and ends here");
        self.writer = None;
    }
}
