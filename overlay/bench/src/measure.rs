//! One measurement: processes started, a window of time, processor time and copies counted.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::Serialize;

use crate::args::{Part, Plan, Stack};

/// A rate of frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Load {
    /// Frames each second.
    pub(crate) fps: u32,
    /// Bytes of each, without any header.
    pub(crate) bytes: usize,
}

/// What one run has shown.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Run {
    /// The relay's processor time, user and system, in microseconds for each copy that a sink got.
    pub(crate) cpu_us_per_copy: f64,
    /// Copies that came, of those that should have come.
    pub(crate) delivered: f64,
    /// Copies that came.
    pub(crate) copies: u64,
}

/// Measures one stack under one load.
pub(crate) fn run(plan: &Plan, stack: Stack, load: Load) -> Result<Run> {
    let mut relay = Process::start(stack, Part::Relay, "", load, plan.sinks)?;
    let address = relay.ready()?;
    let mut source = Process::start(stack, Part::Source, &address, load, plan.sinks)?;
    // The source must be known before the sinks come, or gossipsub's mesh may leave it out.
    source.ready()?;
    let mut sinks = Process::start(stack, Part::Sinks, &address, load, plan.sinks)?;
    sinks.ready()?;
    std::thread::sleep(Duration::from_secs(1));
    let before = (relay.cpu_ns()?, source.count()?, sinks.count()?);
    std::thread::sleep(Duration::from_secs(plan.seconds));
    let after = (relay.cpu_ns()?, source.count()?, sinks.count()?);
    let (cpu_ns, sent, copies) = (after.0 - before.0, after.1 - before.1, after.2 - before.2);
    if copies == 0 {
        bail!("{stack}: no frame came");
    }
    Ok(Run {
        cpu_us_per_copy: cpu_ns as f64 / 1e3 / copies as f64,
        delivered: copies as f64 / (sent * plan.sinks as u64) as f64,
        copies,
    })
}

/// A child process that is killed when it is dropped.
struct Process {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl Process {
    fn start(stack: Stack, part: Part, relay: &str, load: Load, sinks: usize) -> Result<Process> {
        let part = match part {
            Part::Source => "source",
            Part::Relay => "relay",
            Part::Sinks => "sinks",
        };
        let mut child = Command::new(std::env::current_exe()?)
            .args(["role", &stack.to_string(), part, "--relay", relay])
            .args(["--fps", &load.fps.to_string(), "--bytes", &load.bytes.to_string()])
            .args(["--sinks", &sinks.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("this program can't be started again")?;
        let stdin = child.stdin.take().context("no input")?;
        let stdout = BufReader::new(child.stdout.take().context("no output")?);
        Ok(Process { child, stdin, stdout })
    }

    /// Waits until the process says that it is ready; gives what it says with that.
    fn ready(&mut self) -> Result<String> {
        let line = self.line()?;
        line.strip_prefix("READY").map(|rest| rest.trim().to_owned()).context("not ready")
    }

    fn count(&mut self) -> Result<u64> {
        writeln!(self.stdin)?;
        Ok(self.line()?.parse()?)
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        if self.stdout.read_line(&mut line)? == 0 {
            bail!("a process of the measurement has ended");
        }
        Ok(line.trim_end().to_owned())
    }

    /// Processor time of all threads, from the scheduler's own account in nanoseconds.
    fn cpu_ns(&self) -> Result<u64> {
        let mut total = 0;
        for task in std::fs::read_dir(format!("/proc/{}/task", self.child.id()))? {
            let schedstat = std::fs::read_to_string(task?.path().join("schedstat"))?;
            total += schedstat.split_whitespace().next().context("empty")?.parse::<u64>()?;
        }
        Ok(total)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
