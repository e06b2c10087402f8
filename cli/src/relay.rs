//! `canopy relay`: capacity for the one meeting that claims it first, and for nobody else.

mod desk;
mod quota;
mod terms;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use keyagree::gate::Gate;
use keyagree::identity::{Identity, PeerKey};
use keyagree::lease::LeaseHolder;
use overlay_core::id::NodeId;
use overlay_core::io::{Admitted, Class, Command, Event, Kind, Lends, Note, Signature};
use overlay_core::list::List;
use overlay_core::node;
use overlay_libp2p::{Authority, Config, Handle, Happening, Refusal};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio::time::{Instant, interval, sleep_until};

use crate::args;
use crate::authority::{self, Hello, SharedGate};
use crate::fail::{Fail, Outcome};
use crate::place::Spot;
use crate::{clock, core_journal, entropy, stop, tap};
use desk::Desk;
use terms::{Standing, Terms};

/// How often the counters are written and expired credentials are looked for.
const UPKEEP: Duration = Duration::from_millis(500);
/// Frames that wait for the colluding relay's listeners.
const TAP_QUEUE: usize = 1024;

/// What a relay counted, as the demo reads it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Counters {
    /// Its pseudonym in the meeting.
    pub node: String,
    /// Its limit, kbit/s.
    pub limit_kbps: u32,
    /// The highest rate of any second, headers included, kbit/s.
    pub peak_kbps: u32,
    /// Bytes received on the lanes.
    pub bytes_in: u64,
    /// Bytes sent, headers included.
    pub bytes_out: u64,
    /// Tree edges below it: the most that there were at once.
    pub children: u32,
    /// Units that were dropped since they were late.
    pub dropped: u64,
}

/// Runs until the lease ends or somebody stops it.
pub fn run(args: args::Relay) -> Outcome {
    // One thread forwards with fewer wake-ups than several (docs/overlay/bench).
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Fail::failed)?;
    runtime.block_on(lend(args))
}

async fn lend(args: args::Relay) -> Outcome {
    let mut terms = Terms::of(&args)?;
    let standing = terms.look(0, 0)?;
    if standing != Standing::Lends {
        eprintln!("{}", standing.said());
    }
    let mut rng = entropy::rng();
    let identity = Arc::new(Identity::generate(&mut rng));
    let me = identity.public();
    let spot = Spot::choose(&args.place)?;
    let contacts = spot.contacts(me);
    let ends = clock::unix().plus_ms(args.lease.as_millis() as u64);
    let holder = LeaseHolder::generate(&mut rng, me, args.uplink, ends);
    let line = holder.lease(contacts.clone()).map_err(Fail::failed)?.to_line();

    let (claimed, claims) = mpsc::channel(4);
    let gate: Arc<Mutex<Option<SharedGate>>> = Arc::default();
    let authority = Volunteer { identity: Arc::clone(&identity), holder, gate: Arc::clone(&gate), claimed };
    let tap = match args.tap {
        Some(address) => {
            let (sender, frames) = mpsc::channel(TAP_QUEUE);
            tap::serve(address, frames).await.map_err(|error| Fail::failed(format!("{address}: {error}")))?;
            Some(sender)
        }
        None => None,
    };
    let config = Config {
        seed: *identity.seed().expose(),
        node: node::Config {
            me: NodeId(me.0),
            kind: Kind::Relay,
            admitted: Admitted { kind: Kind::Relay, class: Class::Member, may_coordinate: false, owner: 0 },
            credential: Vec::new(),
            first_serial: clock::unix().0,
            uplink_kbps: args.uplink,
            lends: lends(standing == Standing::Lends),
            contacts,
            watch: false,
            hidden: false,
        },
        listen: spot.listen(),
        bootstrap: Vec::new(),
        uplink_kbps: Some(args.uplink),
        tap,
        journal: core_journal::create(args.core_journal.as_deref())?,
    };
    let (handle, mut happenings, _frames) = overlay_libp2p::spawn(config, authority).map_err(Fail::failed)?;
    #[cfg(unix)]
    let _told = crate::status::Told::open(&handle);
    println!("{}", line.as_str());
    eprintln!(
        "Lending {} kbit/s until {ends}. Send the line above to one organiser in an encrypted chat.",
        args.uplink
    );
    let desk = Desk::open(&args, line.as_str(), ends).await?;
    let until = Instant::now() + args.lease;
    let lent = standing == Standing::Lends;
    let mut relay = Relay {
        me,
        desk,
        terms,
        standing,
        lends: lent,
        args,
        handle: handle.clone(),
        gate,
        claims,
        most_children: 0,
    };
    let (ended, outcome) = tokio::select! {
        outcome = relay.work(&mut happenings) => (false, outcome),
        () = sleep_until(until) => (true, Ok(())),
        () = stop::asked() => (false, Ok(())),
    };
    let over = match relay.standing {
        _ if ended => "The lease has ended. Thank you.",
        Standing::Spent => Standing::Spent.said(),
        _ => "This relay has stopped. Thank you.",
    };
    if ended || relay.standing == Standing::Spent {
        eprintln!("{over}");
    }
    if let Some(desk) = &relay.desk {
        desk.over(over);
    }
    relay.write_counters();
    handle.shutdown().await;
    let kept = relay.terms.close(handle.counters().wire_out);
    outcome.and(kept)
}

/// All that it may send, or nothing for others.
fn lends(all: bool) -> Lends {
    if all { Lends::Spare } else { Lends::UpTo(0) }
}

/// The relay while it runs.
struct Relay {
    me: PeerKey,
    desk: Option<Desk>,
    terms: Terms,
    standing: Standing,
    /// What the meeting was told.
    lends: bool,
    args: args::Relay,
    handle: Handle,
    gate: Arc<Mutex<Option<SharedGate>>>,
    claims: mpsc::Receiver<Vec<u8>>,
    most_children: u32,
}

impl Relay {
    async fn work(&mut self, happenings: &mut overlay_libp2p::Events) -> Outcome {
        let mut upkeep = interval(UPKEEP);
        loop {
            tokio::select! {
                happening = happenings.recv() => match happening {
                    Some(happening) => self.on(happening),
                    None => return Ok(()),
                },
                Some(credential) = self.claims.recv() => self.handle.command(Command::Credential(credential)),
                request = Desk::asked(&mut self.desk) => {
                    if let Some(desk) = &mut self.desk {
                        desk.carry_out(request);
                    }
                    self.lend();
                }
                _ = upkeep.tick() => {
                    self.end_what_is_over();
                    self.write_counters();
                    let claimed = self.gate.lock().is_some();
                    let counted = self.handle.counters();
                    let standing = self.terms.look(counted.wire_out, counted.children)?;
                    if standing == Standing::Spent {
                        self.standing = standing;
                        return Ok(());
                    }
                    if std::mem::replace(&mut self.standing, standing) != standing {
                        eprintln!("{}", standing.said());
                    }
                    self.lend();
                    if self.desk.as_mut().is_some_and(|desk| desk.count(&counted, claimed)) {
                        return Ok(());
                    }
                }
            }
        }
    }

    fn on(&mut self, happening: Happening) {
        match happening {
            Happening::Core(Event::Keys { from, body }) => {
                let gate = self.gate.lock().clone();
                let shut = gate.map(|gate| gate.lock().heard(clock::unix(), PeerKey(from.0), &body));
                self.shut(shut.unwrap_or_default());
            }
            Happening::Core(Event::Blame { peer, what }) => {
                tracing::warn!(%peer, what, "a peer broke the protocol");
            }
            Happening::Refused { peer, text, .. } => {
                tracing::warn!(?peer, text, "a peer was refused, or refused us");
            }
            other => tracing::debug!(?other),
        }
    }

    /// Tells the meeting when it lends again, or no longer. Whoever is fed from here is moved, not starved.
    fn lend(&mut self) {
        let all = self.standing == Standing::Lends && self.desk.as_ref().is_none_or(Desk::lends);
        if std::mem::replace(&mut self.lends, all) != all {
            self.handle.command(Command::Lend(lends(all)));
        }
    }

    fn end_what_is_over(&self) {
        if let Some(gate) = self.gate.lock().clone() {
            authority::end_what_is_over(&gate, &self.handle);
        }
    }

    fn shut(&self, peers: Vec<PeerKey>) {
        for peer in peers {
            tracing::info!(%peer, "shut out");
            self.handle.command(Command::Shut(NodeId(peer.0)));
        }
    }

    /// Leaves the counters where the demo finds them, also after a crash.
    fn write_counters(&mut self) {
        let counted = self.handle.counters();
        self.most_children = self.most_children.max(counted.children);
        let Some(path) = &self.args.counters else { return };
        let counters = Counters {
            node: self.me.short(),
            limit_kbps: self.args.uplink,
            peak_kbps: counted.peak_kbps as u32,
            bytes_in: counted.bytes_in.total(),
            bytes_out: counted.wire_out,
            children: self.most_children,
            dropped: counted.units_dropped,
        };
        if let Err(error) = replace(path, &counters) {
            tracing::warn!(%error, "counters can't be written");
        }
    }
}

fn replace(path: &PathBuf, counters: &Counters) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let file = tempfile::NamedTempFile::new_in(folder)?;
    serde_json::to_writer(&file, counters)?;
    file.persist(path)?;
    Ok(())
}

/// A relay's answers: nobody gets in before an organiser has claimed the lease; afterwards whoever holds
/// a credential of that meeting.
struct Volunteer {
    identity: Arc<Identity>,
    holder: LeaseHolder,
    gate: Arc<Mutex<Option<SharedGate>>>,
    claimed: mpsc::Sender<Vec<u8>>,
}

impl Volunteer {
    fn claim(&mut self, peer: NodeId, claim: &[u8]) -> Result<(), Refusal> {
        let bound = self.holder.claim(clock::unix(), PeerKey(peer.0), claim).map_err(|error| {
            tracing::warn!(%peer, %error, "a claim was refused");
            Refusal { text: error.to_string(), final_: true }
        })?;
        let mut gate = self.gate.lock();
        if gate.is_none() {
            tracing::info!(meeting = %bound.meeting, "claimed");
            *gate = Some(Arc::new(Mutex::new(Gate::new(bound.meeting, bound.issuer))));
        }
        // A full queue holds the very same grant.
        let _ = self.claimed.try_send(bound.grant.credential());
        Ok(())
    }
}

impl Authority for Volunteer {
    fn hello(&mut self, _peer: NodeId) -> Vec<u8> {
        let credential = self.holder.bound().map(|bound| bound.grant.credential()).unwrap_or_default();
        Hello { credential, claim: Vec::new() }.encode()
    }

    fn admit(&mut self, peer: NodeId, hello: &[u8]) -> Result<Admitted, Refusal> {
        if clock::unix() >= self.holder.ends() {
            return Err(Refusal { text: "the relay's lease has ended".into(), final_: true });
        }
        let hello = Hello::decode(hello)?;
        if !hello.claim.is_empty() {
            self.claim(peer, &hello.claim)?;
        }
        let gate = self.gate.lock().clone().ok_or_else(|| Refusal {
            text: "no meeting has claimed this relay yet: its organiser has to come first".into(),
            final_: false,
        })?;
        authority::admit(&gate, peer, &hello.credential)
    }

    fn vet(&mut self, note: &Note, signature: &Signature) -> Option<Admitted> {
        let gate = self.gate.lock().clone()?;
        authority::vet(&gate, note, signature)
    }

    fn sign(&mut self, note: &Note) -> Signature {
        authority::sign(&self.identity, note)
    }

    fn vet_list(&mut self, source: NodeId, list: &List, signature: &Signature) -> bool {
        authority::vet_units(source, list, signature)
    }

    fn sign_list(&mut self, list: &List) -> Signature {
        authority::sign_units(&self.identity, list)
    }
}
