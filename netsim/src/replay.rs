//! A recorded run of a real node, told once more to a new core: the same has to come of it, bit for bit.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use overlay_core::id::NodeId;
use overlay_core::node::Node;
use overlay_core::time::Time;
use overlay_journal::{Brief, ReadError, Reader, Wants};

/// Why a run can't be replayed: the file's fault.
#[derive(Debug, thiserror::Error)]
#[error("{}: {why}", file.display())]
pub struct ReplayError {
    /// The file.
    pub file: PathBuf,
    /// What is wrong with it.
    pub why: ReadError,
}

/// What came of a replay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replayed {
    /// Whose run it is.
    pub me: NodeId,
    /// Calls of the core that were compared.
    pub steps: u64,
    /// The time of the last of them.
    pub until: Time,
    /// The first call that another core would have answered differently. Nothing after it is told.
    pub difference: Option<Difference>,
    /// True if the file ends within a record: its process was killed.
    pub cut: bool,
}

/// Where a replay differs from the run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Which call, from 1.
    pub step: u64,
    /// When, by the node's clock.
    pub at: Time,
    /// What the core was told.
    pub input: String,
    /// What it wants done now; of what it wanted then only a hash is known.
    pub wants: Vec<String>,
}

/// Tells a new core what a file says, and compares after each call.
pub fn replay(file: impl AsRef<Path>) -> Result<Replayed, ReplayError> {
    let file = file.as_ref();
    let wrong = |why| ReplayError { file: file.to_path_buf(), why };
    let opened = File::open(file).map_err(|error| wrong(error.into()))?;
    let run = Reader::new(BufReader::new(opened)).map_err(wrong)?;
    let mut node = Node::<Brief>::new(run.config().clone());
    let mut replayed =
        Replayed { me: run.config().me, steps: 0, until: Time::ZERO, difference: None, cut: false };
    for step in run {
        let step = match step {
            Ok(step) => step,
            Err(ReadError::Cut { .. }) => {
                replayed.cut = true;
                break;
            }
            Err(why) => return Err(wrong(why)),
        };
        replayed.steps += 1;
        replayed.until = step.at;
        let (mut wants, mut list) = (Wants::default(), Vec::new());
        node.handle(step.at, step.input.clone());
        while let Some(output) = node.poll() {
            wants.add(&output);
            list.push(output);
        }
        if wants.did() != step.did {
            let (input, wants) =
                (format!("{:?}", step.input), list.iter().map(|output| format!("{output:?}")));
            let difference = Difference { step: replayed.steps, at: step.at, input, wants: wants.collect() };
            replayed.difference = Some(difference);
            break;
        }
    }
    Ok(replayed)
}
