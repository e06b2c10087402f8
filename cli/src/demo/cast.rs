//! The demo's processes: each a program of its own, with its own folder, log and journal.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::{sleep, timeout};

use crate::fail::{Fail, Outcome};

/// How long a process may take to say its first line, or to stop when asked.
const PATIENCE: Duration = Duration::from_secs(20);

/// How often a log is looked at for what is waited for.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// One process of the demo.
pub struct Player {
    /// What the report calls it.
    pub name: String,
    folder: PathBuf,
    child: Child,
    // Kept open, so that the process can go on printing.
    _stdout: Option<BufReader<ChildStdout>>,
}

impl Player {
    /// Starts `canopy ARGS` as `name`, hands it `input` and leaves its standard error in a log.
    pub async fn start(out: &Path, name: &str, args: &[String], input: Option<&str>) -> Outcome<Player> {
        let mut player = Player::spawn(out, name, args, input.is_some())?;
        if let (Some(input), Some(mut stdin)) = (input, player.child.stdin.take()) {
            stdin.write_all(input.as_bytes()).await.map_err(Fail::failed)?;
        }
        Ok(player)
    }

    /// Starts it and waits for the first line that it prints.
    pub async fn start_and_hear(out: &Path, name: &str, args: &[String]) -> Outcome<(Player, String)> {
        let mut player = Player::spawn(out, name, args, false)?;
        let stdout = player.child.stdout.take().ok_or_else(|| Fail::failed("a process without output"))?;
        let mut stdout = BufReader::new(stdout);
        let mut line = String::new();
        let heard = timeout(PATIENCE, stdout.read_line(&mut line)).await;
        if !matches!(heard, Ok(Ok(read)) if read > 0) {
            return Err(Fail::failed(format!("{name} did not start; its log is {}", player.log().display())));
        }
        player._stdout = Some(stdout);
        Ok((player, line.trim().to_owned()))
    }

    fn spawn(out: &Path, name: &str, args: &[String], with_input: bool) -> Outcome<Player> {
        let folder = out.join(name);
        std::fs::create_dir_all(&folder).map_err(Fail::failed)?;
        let log = File::create(folder.join("log")).map_err(Fail::failed)?;
        let program = std::env::current_exe().map_err(Fail::failed)?;
        let child = Command::new(program)
            .args(args)
            .env("CANOPY_HOME", folder.join("home"))
            .stdin(if with_input { Stdio::piped() } else { Stdio::null() })
            .stdout(Stdio::piped())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| Fail::failed(format!("{name} can't be started: {error}")))?;
        Ok(Player { name: name.to_owned(), folder, child, _stdout: None })
    }

    /// Its process id, while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// Where its standard error goes.
    pub fn log(&self) -> PathBuf {
        self.folder.join("log")
    }

    /// Waits for a line of its log that starts with `words`, and gives what follows them.
    pub async fn says(&self, words: &str) -> Outcome<String> {
        let heard = timeout(PATIENCE, async {
            loop {
                let log = std::fs::read_to_string(self.log()).unwrap_or_default();
                if let Some(rest) = log.lines().find_map(|line| line.strip_prefix(words)) {
                    return rest.to_owned();
                }
                sleep(LOOK_AGAIN).await;
            }
        });
        heard.await.map_err(|_| {
            Fail::failed(format!("{} did not start; its log is {}", self.name, self.log().display()))
        })
    }

    /// Where it writes what the demo asked it for.
    pub fn file(out: &Path, name: &str, file: &str) -> String {
        out.join(name).join(file).display().to_string()
    }

    /// True if it ended without being asked to.
    pub fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// Ends it at once, as a crash would (`kill -9`).
    pub async fn crash(&mut self) {
        let _ = self.child.kill().await;
    }

    /// Asks it to stop, without waiting.
    pub fn ask_to_stop(&self) {
        if let Some(pid) = self.child.id().and_then(|pid| Pid::from_raw(pid as i32)) {
            let _ = kill_process(pid, Signal::TERM);
        }
    }

    /// Waits until it has stopped; ends it if it won't.
    pub async fn stopped(&mut self) {
        if timeout(PATIENCE, self.child.wait()).await.is_err() {
            tracing::warn!(name = self.name, "did not stop when asked");
            self.crash().await;
        }
    }
}

/// Runs `canopy ARGS` to its end with the folder of `name`, and gives what it printed, line by line.
pub async fn run(out: &Path, name: &str, args: &[String]) -> Outcome<Vec<String>> {
    let program = std::env::current_exe().map_err(Fail::failed)?;
    let output = Command::new(program)
        .args(args)
        .env("CANOPY_HOME", out.join(name).join("home"))
        .stdin(Stdio::null())
        .output()
        .await
        .map_err(Fail::failed)?;
    if !output.status.success() {
        return Err(Fail::failed(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
    }
    Ok(String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect())
}
