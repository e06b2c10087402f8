//! The hub's side of the key session: what others say about keys goes in, what it wants done is done.

use canopy_players::journal::Entry;
use keyagree::identity::PeerKey;
use keyagree::session::{self, Input, Output};
use overlay_core::id::NodeId;
use overlay_core::io::{Audience, Command};

use super::Node;
use super::people::RosterPage;
use crate::clock;
use crate::fail::{Fail, Outcome};
use crate::window::api::ToPage;

impl Node {
    /// A key message: for the gate, which learns who is shut out, and for the session.
    pub(super) fn hear(&mut self, from: PeerKey, body: Vec<u8>) -> Outcome {
        let shut = self.gate.lock().heard(clock::unix(), from, &body);
        self.shut(shut);
        let Some(admission) = self.gate.lock().known(&from).cloned() else { return Ok(()) };
        self.tell(Input::Heard { from, admission, body })
    }

    pub(super) fn shut(&self, peers: Vec<PeerKey>) {
        for peer in peers.into_iter().filter(|peer| *peer != self.seat.me()) {
            self.handle.command(Command::Shut(NodeId(peer.0)));
        }
    }

    pub(super) fn tell(&mut self, input: Input) -> Outcome {
        self.session.handle(clock::unix(), input);
        self.obey_session()
    }

    pub(super) fn obey_session(&mut self) -> Outcome {
        let mut come = None;
        while let Some(output) = self.session.poll() {
            match output {
                Output::Say { to, body } => self.handle.command(say(to, body)),
                Output::Credential(credential) => {
                    self.credential.lock().clone_from(&credential);
                    self.handle.command(Command::Credential(credential));
                }
                Output::Seal(keys) => {
                    if let Some(source) = &mut self.source {
                        source.arm(keys);
                    }
                }
                Output::Open(key) => self.receiving.insert(key),
                // A removed participant keeps all that it had, as any attacker would.
                Output::Forget { label } if !self.removed => self.receiving.forget(label),
                Output::Forget { .. } => {}
                Output::Talk { from, body } => self.on_talk(from, &body),
                // Its names come behind it.
                Output::Event(session::Event::Page { page, pages, members }) => {
                    come = Some(RosterPage { page, pages, members });
                }
                Output::Event(event) => self.on_session(event)?,
            }
        }
        if let Some(come) = come {
            self.show_page(come);
        }
        Ok(())
    }

    fn on_session(&mut self, event: session::Event) -> Outcome {
        match event {
            session::Event::Admitted { .. } => {
                self.waiting.admitted();
                self.introduce_myself();
                self.dirty = true;
            }
            session::Event::PeerJoined { peer } => {
                self.forget_knocking(peer);
                self.introduce_myself();
                self.members_changed();
            }
            session::Event::PeerLeft { .. } => self.members_changed(),
            session::Event::Named { peer, name } => self.on_name(peer, &name),
            session::Event::Epoch { epoch, members, code, activate_at } => {
                eprintln!(
                    "{members} in the meeting. Verification code, the same for everybody: {}",
                    grouped(&code)
                );
                self.journal.write(|at_us| Entry::Epoch {
                    at_us,
                    term: epoch.term,
                    epoch: epoch.epoch,
                    activate_at_us: activate_at.0 * 1000,
                    members: members as u32,
                });
                self.members = members;
                self.members_changed();
                return self.keep_bindings();
            }
            session::Event::AtTheDoor => {
                self.waiting.at_the_door();
                self.dirty = true;
            }
            session::Event::Coordinating { term } => {
                self.notice("Whoever ran the meeting is out of reach: this node runs it for now.".to_owned());
                self.handle.command(Command::Coordinate { term });
            }
            session::Event::Following { coordinator, .. } => {
                self.door.clear();
                self.notice(format!("{coordinator} runs the meeting from now on."));
            }
            session::Event::Leaderless => {
                let text = "Nobody runs the meeting for now: it goes on, but nobody can come or be removed.";
                self.notice(text.to_owned());
            }
            session::Event::Deposed { coordinator } => {
                self.gate.lock().depose(&coordinator);
                self.notice(format!(
                    "{coordinator} has told different people different things and is not followed any longer."
                ));
            }
            session::Event::Knock { peer, invite, why } => self.on_knock(peer, invite, why),
            session::Event::Refused { reason } => return Err(Fail::failed(reason)),
            session::Event::Removed => return self.on_removed(),
            session::Event::Missing { source, why } => {
                self.notice(format!("What {source} sends can't be opened: {why}."));
            }
            other => tracing::info!(?other),
        }
        Ok(())
    }

    /// Something that this user should know of, wherever it looks.
    fn notice(&mut self, text: String) {
        eprintln!("{text}");
        self.tell_page(&ToPage::Wrong { text });
        self.dirty = true;
    }

    pub(super) fn on_removed(&mut self) -> Outcome {
        if !self.stays {
            return Err(Fail::failed("the organiser removed you from the meeting"));
        }
        if !self.removed {
            self.removed = true;
            self.journal.write(|at_us| Entry::Removed { at_us });
            self.receiving.collude();
        }
        Ok(())
    }
}

/// A key message as the overlay takes it.
fn say(to: session::Audience, body: Vec<u8>) -> Command {
    let to = match to {
        session::Audience::Standing(which) => return Command::SayStanding { which, body },
        session::Audience::Everybody => Audience::Everybody,
        session::Audience::Coordinator => Audience::Coordinator,
        session::Audience::One(peer) => Audience::One(NodeId(peer.0)),
    };
    Command::Say { to, body }
}

/// Six groups of five digits, as people read them to each other.
pub(super) fn grouped(code: &str) -> String {
    code.as_bytes().chunks(5).map(String::from_utf8_lossy).collect::<Vec<_>>().join(" ")
}
