//! What can be typed.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand};
use overlay_core::config::GALLERY_MAX;

use crate::quantity;

/// Meetings that one relay serves: they share one thread and one limit.
const MEETINGS_MAX: i64 = 8;

/// An end-to-end encrypted video meeting without a media server.
#[derive(Debug, Parser)]
#[command(name = "canopy", version, max_term_width = 100)]
pub struct Args {
    /// Say more on standard error; twice for what the network does.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// One command of the program.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a meeting: prints the organiser's invite, then one for each guest.
    New(New),
    /// Make more invites for a meeting, also while it runs.
    Invite(MoreInvites),
    /// Add capacity that a volunteer lends, also while the meeting runs.
    Lend(Lend),
    /// Remove a guest from a meeting, also while it runs.
    Remove(Remove),
    /// Let somebody in who waits at the door.
    Admit(AtTheDoor),
    /// Turn somebody away who waits at the door.
    Deny(AtTheDoor),
    /// Have everybody wait at the door who is new, or no longer.
    Lock(Lock),
    /// Have a guest seen whatever happens, or no longer, also while the meeting runs.
    Pin(Pin),
    /// Erase what this machine keeps of a meeting that is over.
    Forget(Forget),
    /// Take part in a meeting.
    Join(Join),
    /// Have this desktop open `canopy:` links with this program.
    Link(Link),
    /// Take part by a link that the desktop hands over.
    #[command(hide = true)]
    Follow(Follow),
    /// Lend capacity to a meeting, or to several: prints a lease line for each one's organiser.
    Relay(Relay),
    /// Show where the nodes that run here have their places in their meetings: who feeds them, and whom they feed.
    #[cfg(unix)]
    Status(Status),
    /// Hold a real meeting of separate processes on this machine, and measure it.
    Demo(Demo),
}

/// `canopy new`
#[derive(Debug, clap::Args)]
pub struct New {
    /// A name for the meeting; it stays on this machine.
    pub name: String,
    /// How many guests to make invites for.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(0..=1000))]
    pub guests: u16,
    /// A file with a lease line (`canopy-lease:…`) that a volunteer sent, or `-` for standard input; repeatable. See also
    /// `canopy lend`.
    #[arg(long, value_name = "LEASE")]
    pub lease: Vec<String>,
    /// How long the invites are good for.
    #[arg(long, value_name = "TIME", default_value = "24h", value_parser = quantity::span)]
    pub expires: Duration,
    #[command(flatten)]
    pub place: Place,
}

/// Where a node can be reached.
#[derive(Clone, Debug, clap::Args)]
pub struct Place {
    /// An address of this machine that others can reach; repeatable. Default: all its addresses.
    #[arg(long, value_name = "IP")]
    pub address: Vec<IpAddr>,
    /// UDP and TCP port. Default: a free one. A relay for several meetings takes the ports after it too.
    #[arg(long, default_value_t = 0, hide_default_value = true)]
    pub port: u16,
}

/// `canopy invite`
#[derive(Debug, clap::Args)]
pub struct MoreInvites {
    /// The meeting, as named in `canopy new`.
    pub name: String,
    /// How many more guests to make invites for.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub guests: u16,
    /// One link for so many people instead, each of whom waits at the door until they are let in.
    #[arg(long, value_name = "PEOPLE", conflicts_with = "guests", value_parser = clap::value_parser!(u16).range(2..=10_000))]
    pub link: Option<u16>,
    /// Those who come by these invites may let others in.
    #[arg(long)]
    pub co_host: bool,
    /// How long they are good for.
    #[arg(long, value_name = "TIME", default_value = "24h", value_parser = quantity::span)]
    pub expires: Duration,
}

/// `canopy lend`
#[derive(Debug, clap::Args)]
pub struct Lend {
    /// The meeting, as named in `canopy new`.
    pub name: String,
    /// Files that hold each a lease line (`canopy-lease:…`) that a volunteer sent, or `-` for standard input. Default: asks for
    /// one.
    pub lease: Vec<String>,
}

/// `canopy remove`
#[derive(Debug, clap::Args)]
pub struct Remove {
    /// The meeting, as named in `canopy new`.
    pub name: String,
    /// The number of the guest's invite, as `canopy new` printed it: all who came by it. Or the eight letters and digits of
    /// one guest's key, as the organiser's node showed them at the door: nobody else.
    pub guest: String,
}

/// `canopy admit`, `canopy deny`
#[derive(Debug, clap::Args)]
pub struct AtTheDoor {
    /// The meeting, as named in `canopy new`.
    pub name: String,
    /// Who waits: the eight letters that the organiser's node showed.
    pub who: String,
}

/// `canopy lock`
#[derive(Debug, clap::Args)]
pub struct Lock {
    /// The meeting, as named in `canopy new`.
    pub name: String,
    /// Open it again.
    #[arg(long)]
    pub off: bool,
}

/// `canopy pin`
#[derive(Debug, clap::Args)]
pub struct Pin {
    /// The meeting, as named in `canopy new`.
    pub name: String,
    /// The number of the guest's invite, as `canopy new` printed it; of a link, by which many come, the eight letters and
    /// digits of one guest's key.
    pub who: String,
    /// No longer.
    #[arg(long)]
    pub off: bool,
}

/// `canopy forget`
#[derive(Debug, clap::Args)]
pub struct Forget {
    /// The meeting, as named in `canopy new`; or a guest's invite, or a file that holds it.
    pub meeting: String,
}

/// `canopy link`
#[derive(Debug, clap::Args)]
pub struct Link {
    /// No longer.
    #[arg(long)]
    pub remove: bool,
}

/// `canopy follow`
#[derive(Debug, clap::Args)]
pub struct Follow {
    /// The invite.
    pub link: String,
}

/// `canopy join`
#[derive(Debug, clap::Args)]
pub struct Join {
    /// A file that holds the invite, `-` for standard input, or the invite itself (others on this
    /// machine can then see it). Without: asks for it.
    pub invite: Option<String>,
    /// Send this clip: anything that FFmpeg reads.
    #[arg(long, value_name = "CLIP", group = "what")]
    pub file: Option<PathBuf>,
    /// Play the clip once; else it is looped.
    #[arg(long, requires = "file")]
    pub once: bool,
    /// Send a moving picture with a running clock, and a tone.
    #[arg(long, group = "what")]
    pub test_card: bool,
    /// Send nothing.
    #[arg(long, group = "what")]
    pub listen_only: bool,
    /// Without a window: send what --file or --test-card says, or --listen-only.
    #[arg(long)]
    pub headless: bool,
    /// What to be called in the meeting; can be changed in the window.
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// The port on 127.0.0.1 that the window's page is served at. Default: a free one. With a fixed one the browser
    /// remembers that the page may use the camera.
    #[arg(long, default_value_t = 0, hide_default_value = true, value_name = "PORT")]
    pub page_port: u16,
    /// Only print the page's address.
    #[arg(long)]
    pub no_open: bool,
    /// Write one Matroska file for each source into this folder.
    #[arg(long, value_name = "DIR")]
    pub record: Option<PathBuf>,
    /// The largest picture to send: 180p, 360p or 720p.
    #[arg(long, default_value = "720p", value_parser = ["180p", "360p", "720p"])]
    pub size: String,
    /// What this node may send in all.
    #[arg(long, value_name = "RATE", default_value = "3mbit", value_parser = quantity::rate_kbps)]
    pub uplink: u32,
    /// Should this node run the meeting: how many pictures are shown beside those of people who speak, where more want to send
    /// than there are places.
    #[arg(long, default_value_t = 9, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=i64::from(GALLERY_MAX)))]
    pub gallery: u8,
    /// What of that relays for others, this time: `auto` (what is left beside its own media), a rate, or `no`. Default: what
    /// was answered when it was asked once on this machine; `ask` asks again.
    #[arg(long, value_name = "auto|RATE|no|ask", value_parser = quantity::lend)]
    pub lend: Option<quantity::Lend>,
    /// Show this machine's address to the meeting's relays only. The invite has to name a relay.
    #[arg(long, conflicts_with_all = ["address", "port"])]
    pub hide_ip: bool,
    /// How long to wait to be let in.
    #[arg(long, value_name = "TIME", default_value = "2min", value_parser = quantity::span)]
    pub timeout: Duration,
    #[command(flatten)]
    pub place: Place,
    #[command(flatten)]
    pub probes: Probes,
}

/// What the demo measures by. Documented in `docs/demo.md`.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Probes {
    /// Write what happens to each frame as JSON lines.
    #[arg(long, hide = true, value_name = "FILE")]
    pub journal: Option<PathBuf>,
    /// Write down what the core is told, for `netsim replay`.
    #[arg(long, hide = true, value_name = "FILE")]
    pub core_journal: Option<PathBuf>,
    /// A folder where sources leave every tenth scaled picture, and receivers compare with it.
    #[arg(long, hide = true, value_name = "DIR")]
    pub reference: Option<PathBuf>,
    /// Receive nothing: many sources on one machine leave its processor to whoever is measured.
    #[arg(long, hide = true)]
    pub send_only: bool,
    /// When removed, stay and try all keys on what a colluding relay passes on at this address.
    #[arg(long, hide = true, value_name = "ADDR")]
    pub colluder: Option<std::net::SocketAddr>,
}

/// `canopy relay`
#[derive(Debug, clap::Args)]
pub struct Relay {
    /// The most that this machine sends, headers included.
    #[arg(long, value_name = "RATE", value_parser = quantity::rate_kbps)]
    pub uplink: u32,
    /// For how long.
    #[arg(long, value_name = "TIME", value_parser = quantity::span)]
    pub lease: Duration,
    /// How many meetings share that: prints a lease line for each.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=MEETINGS_MAX))]
    pub meetings: u8,
    /// Lend at these hours of the day only, by this machine's clock, such as 18:00-23:00.
    #[arg(long, value_name = "FROM-TO", value_parser = quantity::hours)]
    pub hours: Option<quantity::Hours>,
    /// The most that all relays of this user send in a calendar month, such as 50GB; kept over restarts.
    #[arg(long, value_name = "BYTES", value_parser = quantity::bytes)]
    pub quota: Option<u64>,
    #[command(flatten)]
    pub place: Place,
    /// Open a page that shows what is lent and how much of it is used.
    #[arg(long)]
    pub page: bool,
    /// The port on 127.0.0.1 that the page is served at. Default: a free one.
    #[arg(long, default_value_t = 0, hide_default_value = true, value_name = "PORT", requires = "page")]
    pub page_port: u16,
    /// Only print the page's address.
    #[arg(long, requires = "page")]
    pub no_open: bool,
    /// Write counters to this file each half second, as JSON.
    #[arg(long, hide = true, value_name = "FILE")]
    pub counters: Option<PathBuf>,
    /// Write down what the core is told, for `netsim replay`.
    #[arg(long, hide = true, value_name = "FILE")]
    pub core_journal: Option<PathBuf>,
    /// Be a colluding relay: pass every unit on to whoever connects to this address.
    #[arg(long, hide = true, value_name = "ADDR")]
    pub tap: Option<std::net::SocketAddr>,
}

/// `canopy status`
#[cfg(unix)]
#[derive(Debug, clap::Args)]
pub struct Status {
    /// As JSON, with all that is known (docs/status.md).
    #[arg(long)]
    pub json: bool,
}

/// `canopy demo`
#[derive(Debug, clap::Args)]
pub struct Demo {
    /// The organiser sends this clip; else one is generated.
    #[arg(long, value_name = "CLIP")]
    pub file: Option<PathBuf>,
    /// The largest picture: two cores encode and decode 360p in real time.
    #[arg(long, default_value = "360p", value_parser = ["180p", "360p", "720p"])]
    pub size: String,
    /// How long the meeting lasts.
    #[arg(long, value_name = "TIME", default_value = "40s", value_parser = quantity::span)]
    pub length: Duration,
    /// The share of what was sent that each receiver has to decode, in percent.
    #[arg(long, default_value_t = 98.0)]
    pub expect: f64,
    /// Leave the relays out: the meeting must then fall short.
    #[arg(long)]
    pub no_relays: bool,
    /// Where the report and everybody's files go.
    #[arg(long, value_name = "DIR", default_value = "target/demo")]
    pub out: PathBuf,
}
