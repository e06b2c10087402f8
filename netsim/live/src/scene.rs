//! A meeting of real processes with the cast of a scenario: the same people and volunteers, lines and ways that `netsim`
//! draws from it, each a process on a machine of its own.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail, ensure};
use canopy_players::journal::{self, Entry};
use canopy_players::player::{Player, Program};
use netsim::cast::{Cast, Nat, Person};
use netsim::scenario::Scenario;
use overlay_core::io::{Kind, Lends};
use overlay_core::unit::Layer;
use tokio::time::sleep;

use crate::address;
use crate::clock;
use crate::ground::Ground;
use crate::link::{self, Carried, Line, Link};
use crate::meter::{Meter, Sent};
use crate::place::Place;

const MEETING: &str = "live";
const LANE_OF: [(&str, Layer); 3] = [("180p", Layer::P180), ("360p", Layer::P360), ("720p", Layer::P720)];
/// How often it is looked whether everybody is still there.
const LOOK: Duration = Duration::from_millis(100);

/// The meeting, while it runs.
pub struct Scene {
    /// Everybody, as `netsim` has them.
    pub cast: Cast,
    /// What each is called.
    pub names: Vec<String>,
    /// When the meeting's time began, microseconds since 1970.
    pub began_us: u64,
    out: PathBuf,
    program: Program,
    invites: Vec<String>,
    /// In the order of the cast; nothing before somebody comes.
    players: Vec<Option<Player>>,
    /// Who was killed on purpose.
    killed: Vec<usize>,
    link: Link,
    meter: Meter,
    // Goes last: processes and threads are on it.
    ground: Ground,
}

/// What is left of a meeting that is over.
pub struct Left {
    /// Everybody.
    pub cast: Cast,
    /// What each is called.
    pub names: Vec<String>,
    /// When the meeting's time began, microseconds since 1970.
    pub began_us: u64,
    /// When it ended.
    pub ended_us: u64,
    /// Of each participant.
    pub journals: Vec<Vec<Entry>>,
    /// What each one's interface sent.
    pub sent: Vec<Sent>,
    /// By which transport.
    pub carried: Vec<Carried>,
    /// How well the link did.
    pub held: link::Held,
}

impl Scene {
    /// Lays the ground, starts the volunteers and makes the meeting; nobody has come yet. `only_tcp` is whoever can't
    /// send or be sent UDP.
    ///
    /// # Errors
    /// What stands in the way.
    pub async fn set(
        program: &Path,
        out: &Path,
        scenario: &Scenario,
        seed: u64,
        only_tcp: Option<usize>,
    ) -> Result<Scene> {
        can_be_held(scenario)?;
        let cast = Cast::draw(scenario, seed)?;
        ensure!(
            cast.people.iter().all(|person| person.nat == Nat::Open),
            "people.nat: everybody is reachable here; leave it out"
        );
        if out.exists() {
            std::fs::remove_dir_all(out).with_context(|| out.display().to_string())?;
        }
        std::fs::create_dir_all(out).with_context(|| out.display().to_string())?;
        let lines: Vec<Line> = cast
            .people
            .iter()
            .map(|person| Line { up_kbps: person.uplink_kbps, down_kbps: person.downlink_kbps })
            .collect();
        let (ground, devices) = Ground::lay(&lines).map_err(|why| anyhow!(why))?;
        if let Some(who) = only_tcp {
            ground.only_tcp(who).map_err(|why| anyhow!(why))?;
        }
        let ways = cast
            .people
            .iter()
            .flat_map(|from| cast.people.iter().map(|to| cast.paths.one_way(from, to)))
            .collect();
        let link = Link::join(devices, lines, ways)?;
        let meter = Meter::start(ground.files().collect())?;
        let program = std::path::absolute(program)?;
        ensure!(
            program.exists(),
            "{} is not there: build it first (cargo build -p canopy)",
            program.display()
        );
        let mut scene = Scene {
            names: names(&cast),
            began_us: 0,
            out: out.to_path_buf(),
            program: Program::at(program),
            invites: Vec::new(),
            players: cast.people.iter().map(|_| None).collect(),
            killed: Vec::new(),
            link,
            meter,
            ground,
            cast,
        };
        scene.make_meeting().await?;
        scene.began_us = clock::wall_us();
        Ok(scene)
    }

    /// The program on a machine.
    fn on(&self, machine: usize) -> Program {
        self.program.behind(&["ip", "netns", "exec", self.ground.name(machine)])
    }

    async fn make_meeting(&mut self) -> Result<()> {
        let people = self.people();
        let mut new = words(&["new", MEETING, "--address", &address::of(0).to_string()]);
        new.extend(["--guests".into(), (people - 1).to_string()]);
        for relay in people..self.cast.people.len() {
            let (name, limit) = (self.names[relay].clone(), rate(&self.cast.people[relay]));
            let args = words(&[
                "relay",
                "--uplink",
                &limit,
                "--lease",
                "1h",
                "--address",
                &address::of(relay).to_string(),
            ]);
            let (player, lease) = Player::start_and_hear(&self.on(relay), &self.out, &name, &args).await?;
            self.players[relay] = Some(player);
            let file = Player::file(&self.out, &name, "lease");
            std::fs::write(&file, lease)?;
            new.extend(["--lease".into(), file]);
        }
        self.invites = self.on(0).run(&self.out, &self.names[0], &new).await?;
        ensure!(
            self.invites.len() == people,
            "'canopy new' printed {} invites for {people}",
            self.invites.len()
        );
        Ok(())
    }

    /// How many participants there are; volunteers come after them.
    pub fn people(&self) -> usize {
        self.cast.people.iter().filter(|person| person.kind == Kind::Participant).count()
    }

    /// Lets the meeting go on until so long after its beginning; who arrives by then is started.
    ///
    /// # Errors
    /// Who ended without having been asked to, or could not be started.
    pub async fn play(&mut self, until: Duration) -> Result<()> {
        loop {
            let passed = self.passed();
            for who in 0..self.people() {
                let arrives = Duration::from_nanos(self.cast.people[who].arrives.0);
                if self.players[who].is_none() && arrives <= passed {
                    self.come(who).await?;
                }
            }
            for (who, player) in self.players.iter_mut().enumerate() {
                if let Some(player) = player.as_mut().filter(|_| !self.killed.contains(&who))
                    && player.has_ended()
                {
                    bail!(
                        "{} ended before the meeting did; its log is {}",
                        player.name,
                        player.log().display()
                    );
                }
            }
            let Some(left) = until.checked_sub(self.passed()).filter(|left| !left.is_zero()) else {
                return Ok(());
            };
            sleep(left.min(LOOK)).await;
        }
    }

    fn passed(&self) -> Duration {
        Duration::from_micros(clock::wall_us().saturating_sub(self.began_us))
    }

    async fn come(&mut self, who: usize) -> Result<()> {
        let (person, name) = (&self.cast.people[who], &self.names[who]);
        let mut args = words(&["join", "-", "--headless", "--address", &address::of(who).to_string()]);
        args.extend(words(&[
            "--uplink",
            &rate(person),
            "--lend",
            if person.lends == Lends::UpTo(0) { "no" } else { "auto" },
            "--journal",
            &Player::file(&self.out, name, "journal.jsonl"),
        ]));
        match size(person) {
            Some(size) => args.extend(words(&["--test-card", "--size", size])),
            None => args.push("--listen-only".into()),
        }
        let player = Player::start(&self.on(who), &self.out, name, &args, Some(&self.invites[who])).await?;
        self.players[who] = Some(player);
        Ok(())
    }

    /// Where everybody has their place; nothing of who does not run or answer.
    pub async fn places(&self) -> Vec<Option<Place>> {
        let mut places = Vec::new();
        let status = words(&["status", "--json"]);
        for (who, name) in self.names.iter().enumerate() {
            let asked = self.players[who].is_some() && !self.killed.contains(&who);
            let said = if asked { self.program.run(&self.out, name, &status).await.ok() } else { None };
            if let Some(lines) = &said {
                // For whoever wants to know why; what stands there is of the last time.
                let _ = std::fs::write(Player::file(&self.out, name, "status.json"), lines.join("\n"));
            }
            places.push(said.and_then(|lines| Place::read(&lines)));
        }
        places
    }

    /// Kills somebody's process (`kill -9`).
    pub async fn crash(&mut self, who: usize) {
        self.killed.push(who);
        if let Some(player) = &mut self.players[who] {
            player.crash().await;
        }
    }

    /// Has nothing reach somebody any longer, or come from them.
    ///
    /// # Errors
    /// What was said about it.
    pub fn cut_off(&self, who: usize) -> Result<()> {
        self.ground.nothing(who).map_err(|why| anyhow!(why))
    }

    /// Ends the meeting, and reads what everybody has left.
    ///
    /// # Errors
    /// Whose journal can't be read.
    pub async fn end(mut self) -> Result<Left> {
        let ended_us = clock::wall_us();
        let people = self.people();
        for player in self.players.iter().flatten() {
            player.ask_to_stop();
        }
        for player in self.players.iter_mut().flatten() {
            player.stopped().await;
        }
        let journal = |name: &String| {
            let path = Player::file(&self.out, name, "journal.jsonl");
            journal::read(Path::new(&path)).with_context(|| path)
        };
        Ok(Left {
            journals: self.names[..people].iter().map(journal).collect::<Result<_>>()?,
            carried: (0..self.cast.people.len()).map(|who| self.link.carried(who)).collect(),
            sent: self.meter.stop(),
            held: self.link.cut(),
            cast: self.cast,
            names: self.names,
            began_us: self.began_us,
            ended_us,
        })
    }
}

fn names(cast: &Cast) -> Vec<String> {
    let (mut people, mut relays) = (0, 0);
    let name = |person: &Person| match person.kind {
        Kind::Participant => {
            people += 1;
            format!("person-{people}")
        }
        Kind::Relay => {
            relays += 1;
            format!("relay-{relays}")
        }
    };
    cast.people.iter().map(name).collect()
}

/// What its owner lets somebody send.
fn rate(person: &Person) -> String {
    format!("{}kbit", person.limit_kbps)
}

/// The largest picture that somebody sends.
fn size(person: &Person) -> Option<&'static str> {
    let largest = person.sends.iter().map(|rate| rate.layer).max()?;
    LANE_OF.iter().find(|(_, layer)| *layer == largest).map(|(size, _)| *size)
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// Refuses what real processes, or the link between them, can't do as the scenario says it.
fn can_be_held(scenario: &Scenario) -> Result<()> {
    let machines = scenario.people.count + scenario.relay_count();
    ensure!(
        machines as usize <= address::MACHINES_MAX,
        "{machines} machines; {} are the most here",
        address::MACHINES_MAX
    );
    let network = &scenario.network;
    ensure!(
        network.loss_per_million == 0,
        "network.loss_per_million: the link here loses nothing; make it 0"
    );
    ensure!(
        network.jitter_permille == 0 && network.jitter_floor.is_zero(),
        "network.jitter_permille, network.jitter_floor: the link here has none; make both 0"
    );
    ensure!(scenario.people.leave_percent == 0, "people.leave_percent: nobody leaves here; make it 0");
    for kind in &scenario.relays {
        ensure!(
            kind.at.is_zero() && kind.within.is_zero() && kind.lease.is_none(),
            "relays: here they are there from the beginning to the end"
        );
    }
    for kind in &scenario.sources {
        let is_whole = kind.layers.len() >= 2
            && kind
                .layers
                .iter()
                .map(|name| Layer::from(*name))
                .eq(Layer::ALL.into_iter().take(kind.layers.len()));
        ensure!(
            is_whole,
            "sources.layers: the program sends sound and every picture up to its largest; give those"
        );
    }
    Ok(())
}
