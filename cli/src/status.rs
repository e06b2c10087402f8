//! `canopy status`: why it is like this. The nodes of this user that run on this machine are asked for their places in
//! their meetings; each answers with one line of JSON (`docs/status.md`).

mod told;
mod tree;

use std::io::{ErrorKind, Read};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use overlay_core::status::Status;
use serde::{Deserialize, Serialize};

pub use told::Told;

use crate::args;
use crate::fail::{Fail, Outcome};
use crate::folder;

/// Bytes of an answer: ten thousand members fit.
const ANSWER_MAX: u64 = 8 << 20;
/// A node that takes longer to answer is left out.
const PATIENCE: Duration = Duration::from_secs(2);

/// What one node says of itself.
#[derive(Debug, Serialize, Deserialize)]
pub struct Answer {
    /// Its process.
    pub pid: u32,
    /// The most that it sends in all, kbit/s; none if nothing limits it.
    pub limit_kbps: Option<u32>,
    /// Received and sent within the last second, kbit/s.
    pub in_kbps: u32,
    /// See above.
    pub out_kbps: u32,
    /// The most that was sent in any second so far, kbit/s.
    pub peak_kbps: u64,
    /// Units that were given up, since they were too late to be sent on.
    pub units_dropped: u64,
    /// Its place.
    pub status: Status,
}

/// Asks everybody and prints what they say.
pub fn run(args: &args::Status) -> Outcome {
    let mut answers = Vec::new();
    for path in sockets()? {
        match ask(&path) {
            Ok(answer) => answers.push(answer),
            // Its process ended without a word.
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
                let _ = std::fs::remove_file(&path);
            }
            Err(error) => eprintln!("canopy: warning: {} doesn't answer: {error}", path.display()),
        }
    }
    if args.json {
        println!("{}", serde_json::to_string_pretty(&answers).map_err(Fail::failed)?);
        return Ok(());
    }
    if answers.is_empty() {
        return Err(Fail::failed(
            "no node of this user runs here: start one with 'canopy join' or 'canopy relay'",
        ));
    }
    answers.iter().for_each(|answer| print!("{}", tree::drawn(answer)));
    Ok(())
}

fn ask(path: &PathBuf) -> std::io::Result<Answer> {
    let stream = UnixStream::connect(path)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut text = Vec::new();
    stream.take(ANSWER_MAX).read_to_end(&mut text)?;
    Ok(serde_json::from_slice(&text)?)
}

/// Where nodes of this user answer.
fn running() -> Outcome<PathBuf> {
    Ok(folder::of_user()?.join("running"))
}

fn sockets() -> Outcome<Vec<PathBuf>> {
    let entries = match std::fs::read_dir(running()?) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Fail::failed(format!("who runs here can't be read: {error}"))),
    };
    let paths = entries.flatten().map(|entry| entry.path());
    let mut paths: Vec<PathBuf> =
        paths.filter(|path| path.extension().is_some_and(|end| end == "sock")).collect();
    paths.sort_unstable();
    Ok(paths)
}
