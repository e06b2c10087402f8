//! One tiny harness: a home of its own, and the program run in it.

use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// The demo measures a meeting in real time: it runs alone, the other meetings share the machine.
static MACHINE: RwLock<()> = RwLock::new(());

/// Shares the machine with other tests.
pub fn shared() -> RwLockReadGuard<'static, ()> {
    MACHINE.read().unwrap_or_else(PoisonError::into_inner)
}

/// Has the machine to itself.
pub fn alone() -> RwLockWriteGuard<'static, ()> {
    MACHINE.write().unwrap_or_else(PoisonError::into_inner)
}

/// A machine's user, as far as the program is concerned.
pub struct Home(TempDir);

/// What a command did.
pub struct Did {
    /// Its exit code.
    pub code: Option<i32>,
    /// Lines of standard output.
    pub lines: Vec<String>,
    /// Standard error.
    pub errors: String,
    /// How long it took.
    pub took: Duration,
}

/// A process that ends with the test.
pub struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Running {
    /// Asks it to stop, as Ctrl-C does.
    pub fn ask_to_stop(&self) {
        let pid = rustix::process::Pid::from_child(&self.0);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("it runs");
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.0.id()
    }

    /// Ends it as a crash would.
    pub fn crash(mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }

    /// Waits for its end, at most `limit`.
    pub fn ended(&mut self, limit: Duration) -> Option<i32> {
        let until = now() + limit;
        while now() < until {
            if let Ok(Some(status)) = self.0.try_wait() {
                return status.code();
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        None
    }
}

#[expect(clippy::disallowed_methods, reason = "tests wait in real time")]
pub fn now() -> Instant {
    Instant::now()
}

impl Home {
    /// A user who has never run the program.
    pub fn new() -> Home {
        Home(tempfile::tempdir().expect("a temporary folder can be made"))
    }

    /// A path in the user's folder.
    pub fn path(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }

    /// The folder where the program keeps its files.
    pub fn kept(&self) -> std::path::PathBuf {
        self.0.path().join("home")
    }

    /// Writes a file.
    pub fn file(&self, name: &str, text: impl AsRef<[u8]>) -> String {
        std::fs::write(self.0.path().join(name), text).expect("a temporary file can be written");
        self.path(name)
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_canopy"));
        command.args(args).env("CANOPY_HOME", self.kept()).env_remove("RUST_LOG");
        command
    }

    /// Runs the program to its end.
    pub fn run(&self, args: &[&str]) -> Did {
        self.run_with(args, "")
    }

    /// Runs the program to its end, with `input` on its standard input.
    pub fn run_with(&self, args: &[&str], input: &str) -> Did {
        finish(self.command(args), input)
    }

    /// Runs the program to its end in another environment.
    #[cfg(all(feature = "ffmpeg", target_os = "linux"))]
    pub fn run_env(&self, args: &[&str], env: &[(&str, String)]) -> Did {
        let mut command = self.command(args);
        command.envs(env.iter().map(|(name, value)| (name, value)));
        finish(command, "")
    }

    /// Starts the program, with `input` on its standard input and its errors in a file.
    pub fn start(&self, args: &[&str], input: &str, log: &str) -> Running {
        self.spawn(self.command(args), input, log)
    }

    /// The same in a network namespace.
    pub fn start_in(&self, namespace: &str, args: &[&str], input: &str, log: &str) -> Running {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", namespace, env!("CARGO_BIN_EXE_canopy")]).args(args);
        command.env("CANOPY_HOME", self.kept()).env_remove("RUST_LOG");
        self.spawn(command, input, log)
    }

    /// The same as a user who may lock no memory.
    pub fn start_without_locks(&self, args: &[&str], input: &str, log: &str) -> Running {
        // For root a limit is none, unless it gives up the right to exceed it.
        const LIMITED: &str = r#"ulimit -l 0
            [ "$(id -u)" = 0 ] && exec setpriv --bounding-set=-ipc_lock "$0" "$@"
            exec "$0" "$@""#;
        let mut command = Command::new("sh");
        command.args(["-c", LIMITED, env!("CARGO_BIN_EXE_canopy")]).args(args);
        command.env("CANOPY_HOME", self.kept()).env_remove("RUST_LOG");
        self.spawn(command, input, log)
    }

    fn spawn(&self, mut command: Command, input: &str, log: &str) -> Running {
        let log = std::fs::File::create(self.0.path().join(log)).expect("a log can be made");
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(log.try_clone().expect("a file can be shared"))
            .stderr(log)
            .spawn()
            .expect("the program starts");
        let mut stdin = child.stdin.take().expect("standard input is piped");
        let _ = stdin.write_all(input.as_bytes());
        Running(child)
    }

    /// Waits until a file holds a line that satisfies `wanted`, and gives that line.
    pub fn wait_for(&self, file: &str, limit: Duration, wanted: impl Fn(&str) -> bool) -> String {
        let path = self.0.path().join(file);
        let until = now() + limit;
        while now() < until {
            if let Some(line) = read(&path).lines().find(|line| wanted(line)) {
                return line.to_owned();
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("{file} does not say it after {limit:?}; it says:\n{}", read(&path));
    }

    /// What this user's node lends to others, kbit/s, by its own word.
    #[cfg(feature = "ffmpeg")]
    pub fn lends(&self) -> u64 {
        let said = self.run(&["status", "--json"]).lines.join("\n");
        let nodes: serde_json::Value = serde_json::from_str(&said).expect("it is JSON");
        nodes[0]["status"]["lends_kbps"].as_u64().unwrap_or_else(|| panic!("no limit in {said}"))
    }

    /// What a file holds.
    pub fn read(&self, file: &str) -> String {
        read(&self.0.path().join(file))
    }
}

fn finish(mut command: Command, input: &str) -> Did {
    let started = now();
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut stdin = child.stdin.take().expect("standard input is piped");
    // A program that has ended before it read everything is fine.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    let output: Output = child.wait_with_output().expect("the program ends");
    Did {
        code: output.status.code(),
        lines: String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect(),
        errors: String::from_utf8_lossy(&output.stderr).into_owned(),
        took: started.elapsed(),
    }
}

fn read(path: &Path) -> String {
    String::from_utf8_lossy(&std::fs::read(path).unwrap_or_default()).into_owned()
}

impl Did {
    /// Fails unless the program ended with `code`, soon, and with one line that says each of `words`.
    pub fn refuses(&self, code: i32, words: &[&str]) {
        assert_eq!(self.code, Some(code), "{}", self.errors);
        assert!(self.took < Duration::from_secs(5), "took {:?}: {}", self.took, self.errors);
        let said: Vec<&str> = self.errors.lines().filter(|line| line.starts_with("canopy: ")).collect();
        let last = said.last().unwrap_or_else(|| panic!("nothing was said: {}", self.errors));
        for word in words {
            assert!(last.contains(word), "'{word}' is not in: {last}");
        }
    }
}
