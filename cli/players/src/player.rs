//! Processes of a meeting: each a program of its own, with its own folder, log and journal.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::{sleep, timeout};

/// How long a process may take to say its first line, or to stop when asked.
const PATIENCE: Duration = Duration::from_secs(20);

/// How often a log is looked at for what is waited for.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// The program, and what it is started behind.
#[derive(Clone, Debug)]
pub struct Program(Vec<OsString>);

impl Program {
    /// The program at this path, by itself.
    pub fn at(path: impl Into<OsString>) -> Program {
        Program(vec![path.into()])
    }

    /// The same, started by another that becomes it, such as `ip netns exec NAME`.
    pub fn behind(&self, words: &[&str]) -> Program {
        Program(words.iter().map(OsString::from).chain(self.0.iter().cloned()).collect())
    }

    /// A command in the folder of `name`.
    fn command(&self, out: &Path, name: &str, args: &[String]) -> Command {
        let mut command = Command::new(&self.0[0]);
        command.args(&self.0[1..]).args(args).env("CANOPY_HOME", out.join(name).join("home"));
        command
    }

    /// Runs `canopy ARGS` to its end with the folder of `name`, and gives what it printed, line by line.
    ///
    /// # Errors
    /// What it said, if it failed; or why it can't be run.
    pub async fn run(&self, out: &Path, name: &str, args: &[String]) -> io::Result<Vec<String>> {
        let output = self.command(out, name, args).stdin(Stdio::null()).output().await?;
        if !output.status.success() {
            return Err(io::Error::other(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
        }
        Ok(String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect())
    }
}

/// One process.
pub struct Player {
    /// What reports call it, and its folder.
    pub name: String,
    folder: PathBuf,
    child: Child,
    // Kept open, so that the process can go on printing.
    _stdout: Option<BufReader<ChildStdout>>,
}

impl Player {
    /// Starts `canopy ARGS` as `name`, hands it `input` and leaves its standard error in a log.
    ///
    /// # Errors
    /// Why it can't be started.
    pub async fn start(
        program: &Program,
        out: &Path,
        name: &str,
        args: &[String],
        input: Option<&str>,
    ) -> io::Result<Player> {
        let mut player = Player::spawn(program, out, name, args, input.is_some())?;
        if let (Some(input), Some(mut stdin)) = (input, player.child.stdin.take()) {
            stdin.write_all(input.as_bytes()).await?;
        }
        Ok(player)
    }

    /// Starts it and waits for the first line that it prints.
    ///
    /// # Errors
    /// Why it can't be started, or that it says nothing.
    pub async fn start_and_hear(
        program: &Program,
        out: &Path,
        name: &str,
        args: &[String],
    ) -> io::Result<(Player, String)> {
        let mut player = Player::spawn(program, out, name, args, false)?;
        let stdout =
            player.child.stdout.take().ok_or_else(|| io::Error::other("a process without output"))?;
        let mut stdout = BufReader::new(stdout);
        let mut line = String::new();
        let heard = timeout(PATIENCE, stdout.read_line(&mut line)).await;
        if !matches!(heard, Ok(Ok(read)) if read > 0) {
            return Err(player.did_not_start());
        }
        player._stdout = Some(stdout);
        Ok((player, line.trim().to_owned()))
    }

    fn spawn(
        program: &Program,
        out: &Path,
        name: &str,
        args: &[String],
        with_input: bool,
    ) -> io::Result<Player> {
        let folder = out.join(name);
        std::fs::create_dir_all(&folder)?;
        let log = File::create(folder.join("log"))?;
        let child = program
            .command(out, name, args)
            .stdin(if with_input { Stdio::piped() } else { Stdio::null() })
            .stdout(Stdio::piped())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| io::Error::new(error.kind(), format!("{name} can't be started: {error}")))?;
        Ok(Player { name: name.to_owned(), folder, child, _stdout: None })
    }

    fn did_not_start(&self) -> io::Error {
        io::Error::other(format!("{} did not start; its log is {}", self.name, self.log().display()))
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
    ///
    /// # Errors
    /// That it does not say it for a while.
    pub async fn says(&self, words: &str) -> io::Result<String> {
        let heard = timeout(PATIENCE, async {
            loop {
                let log = std::fs::read_to_string(self.log()).unwrap_or_default();
                if let Some(rest) = log.lines().find_map(|line| line.strip_prefix(words)) {
                    return rest.to_owned();
                }
                sleep(LOOK_AGAIN).await;
            }
        });
        heard.await.map_err(|_| self.did_not_start())
    }

    /// Where a process of that name writes what it was asked for.
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
