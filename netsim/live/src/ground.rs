//! What the meeting stands on: a network namespace for each machine, with one device whose line is shaped.

use std::io::Write;
use std::process::{Command, Stdio};

use tun_rs::{DeviceBuilder, Layer, SyncDevice};

use crate::address;
use crate::link::{Line, MTU};

/// What the device is called inside.
const UPLINK: &str = "uplink";
/// Bytes that leave a line at once: two packets, and at high rates what two milliseconds bring.
const BURST_MIN: u64 = 2 * MTU as u64;
/// What waits for the line before the kernel drops: what `netsim`'s interfaces hold back by default.
const HELD_BACK: &str = "250ms";

/// The namespaces; they go with this value.
pub struct Ground {
    names: Vec<String>,
}

/// Why there can be no such ground here, in words; nothing if there can.
pub fn impossible() -> Option<String> {
    let name = format!("live{}", std::process::id());
    let tried = || {
        std::fs::metadata("/dev/net/tun").map_err(|error| format!("/dev/net/tun: {error}"))?;
        run("tc", &["-V"], &[])?;
        ip(&["netns", "add", &name])?;
        let firewall = ip(&["netns", "exec", &name, "nft", "list", "tables"]);
        ip(&["netns", "del", &name])?;
        firewall
    };
    let why = tried().err()?;
    Some(format!("this needs root, /dev/net/tun, iproute2 and nftables: {why}"))
}

impl Ground {
    /// A machine for each line; the other end of each one's device comes beside it.
    ///
    /// # Errors
    /// What could not be made, and what was said about it.
    pub fn lay(lines: &[Line]) -> Result<(Ground, Vec<SyncDevice>), String> {
        let mut ground = Ground { names: Vec::new() };
        let mut devices = Vec::new();
        for (machine, line) in lines.iter().enumerate().take(address::MACHINES_MAX) {
            devices.push(ground.add(machine, *line)?);
        }
        Ok((ground, devices))
    }

    fn add(&mut self, machine: usize, line: Line) -> Result<SyncDevice, String> {
        let name = format!("live{}-{machine}", std::process::id());
        ip(&["netns", "add", &name])?;
        self.names.push(name.clone());
        let outside = format!("l{}-{machine}", std::process::id());
        let device = DeviceBuilder::new()
            .name(&outside)
            .layer(Layer::L3)
            .mtu(MTU)
            .enable(false)
            .build_sync()
            .map_err(|error| format!("a device can't be made: {error}"))?;
        ip(&["link", "set", &outside, "netns", &name, "name", UPLINK])?;
        ip(&["-n", &name, "link", "set", "lo", "up"])?;
        ip(&["-n", &name, "addr", "add", &format!("{}/24", address::of(machine)), "dev", UPLINK])?;
        ip(&["-n", &name, "link", "set", UPLINK, "up"])?;
        let (rate, burst) = (format!("{}kbit", line.up_kbps), BURST_MIN.max(u64::from(line.up_kbps) / 4));
        run(
            "tc",
            &["-n", &name, "qdisc", "add", "dev", UPLINK, "root", "tbf", "rate", &rate, "burst"],
            &[&burst.to_string(), "latency", HELD_BACK],
        )?;
        Ok(device)
    }

    /// Has a machine's firewall drop all UDP from now on, both ways.
    ///
    /// # Errors
    /// What was said about it.
    pub fn only_tcp(&self, machine: usize) -> Result<(), String> {
        self.firewall(machine, "meta l4proto udp drop")
    }

    /// Has a machine's firewall drop everything from now on.
    ///
    /// # Errors
    /// What was said about it.
    pub fn nothing(&self, machine: usize) -> Result<(), String> {
        self.firewall(machine, "drop")
    }

    fn firewall(&self, machine: usize, rule: &str) -> Result<(), String> {
        let chain = |hook: &str, side: &str| {
            format!("chain {hook} {{\ntype filter hook {hook} priority 0\n{side} lo accept\n{rule}\n}}\n")
        };
        let rules =
            format!("table inet live {{\n{}{}}}\n", chain("input", "iifname"), chain("output", "oifname"));
        let mut child = Command::new("ip")
            .args(["netns", "exec", self.name(machine), "nft", "-f", "-"])
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("nft: {error}"))?;
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(rules.as_bytes()).map_err(|error| format!("nft: {error}"))?;
        }
        let did = child.wait_with_output().map_err(|error| format!("nft: {error}"))?;
        if did.status.success() {
            Ok(())
        } else {
            Err(format!("nft: {}", String::from_utf8_lossy(&did.stderr).trim()))
        }
    }

    /// What a machine's namespace is called.
    pub fn name(&self, machine: usize) -> &str {
        &self.names[machine]
    }

    /// The files that stand for the namespaces.
    pub fn files(&self) -> impl Iterator<Item = String> {
        self.names.iter().map(|name| format!("/run/netns/{name}"))
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        for name in &self.names {
            let _ = ip(&["netns", "del", name]);
        }
    }
}

fn ip(args: &[&str]) -> Result<(), String> {
    run("ip", args, &[])
}

fn run(program: &str, args: &[&str], more: &[&str]) -> Result<(), String> {
    let did = Command::new(program)
        .args(args)
        .args(more)
        .output()
        .map_err(|error| format!("{program}: {error}"))?;
    let why = || format!("{program} {}: {}", args.join(" "), String::from_utf8_lossy(&did.stderr).trim());
    if did.status.success() { Ok(()) } else { Err(why()) }
}
