//! Every bound and every span of the overlay. A value that is a guess says so.

use std::time::Duration;

/// Bytes of a note's body. A wrap list for 512 members (52 bytes each) fits.
pub const NOTE_BODY_MAX: usize = 32 * 1024;
/// Bytes of an encoded control message: a note with its id, signature and framing.
pub const MESSAGE_MAX: usize = NOTE_BODY_MAX + 512;
/// Bytes of the payload of one unit that a node takes in: a 720p key frame fits.
pub const UNIT_PAYLOAD_MAX: usize = 1024 * 1024;

/// Members of a meeting, relays included.
pub const MEMBERS_MAX: usize = 16_384;
/// Neighbours of one node.
pub const LINKS_MAX: usize = 256;
/// Peers that a node remembers as shut out, and departed members whose last serial it remembers.
pub const SHUT_MAX: usize = 4096;
/// Places on the stage.
pub const SLOTS: u8 = 16;
/// Of a crowded stage, places of those who are heard; the first of all slots. Four people or more speak at once for 0.06 %
/// of a meeting (AMI corpus).
pub const VOICES: u8 = 3;
/// The slot of a crowded stage that is kept for a shared screen.
pub const MAIN_SLOT: u8 = VOICES;
/// Thumbnails of a crowded stage at most: the slots behind those.
pub const GALLERY_MAX: u8 = SLOTS - MAIN_SLOT - 1;
/// Trees of one group, k + m.
pub const GROUP_MAX: u8 = 12;
/// Trees that a node takes part in: sound twice, and one picture in a group, of each slot.
pub const TREES_MAX: usize = SLOTS as usize * (2 + GROUP_MAX as usize);
/// Children of one node in one tree.
pub const CHILDREN_MAX: usize = 128;
/// Who is asked for a parent in one round.
pub const CANDIDATES_MAX: usize = 32;
/// Links between a source and a receiver; also the length of a root path.
pub const HOPS_MAX: usize = 12;
/// Up to so many, relays included, everybody may feed in any tree, and larger meetings' care for diversity gives way to
/// stars on the strongest (DESIGN 3.7).
pub const SMALL_MEETING: usize = 200;
/// Up to so many, relays included, everybody may move at once to where a plan made from nothing has them; in a larger
/// meeting that costs more than an edge that could be better (decision 9).
pub const AFRESH_MEETING: usize = 30;
/// Backup parents in a row of the plan.
pub const BACKUPS: usize = 2;
/// Relays with room that a stage names for everybody in need; the next to be asked after the backups.
pub const HELPERS_MAX: usize = 32;
/// Who knows the stage and has no seat after this span is fed sound by helpers meanwhile.
pub const SEAT_PATIENCE: Duration = Duration::from_millis(300);
/// In a large meeting other helpers are named this often.
pub const HELPERS_EVERY: Duration = Duration::from_secs(1);
/// Nodes that a seat names in a meeting that is not small, beside the parents: backups beyond that are left out, those of
/// pictures first.
pub const SEAT_BACKUPS_MAX: usize = 8;

/// Links that a note for one node, or for the coordinator, may cross. Deeper than any tree of links that forms.
pub const CARRY_HOPS_MAX: u8 = 24;
/// Nodes named in one message about who is reached by way of whom.
pub const PEERS_IN_MESSAGE: usize = 256;
/// Neighbours that may look to one node as their way to the coordinator; the other links are for those who come. Where
/// there are helpers to go to, no more than notes are pushed to.
pub const BELOW_MAX: usize = LINKS_MAX / 2;
/// Notes for everybody are pushed over so many links as this part of the uplink bears, percent …
pub const PUSHED_PERCENT: u32 = 5;
/// … where a link takes so much for it, kbit/s: a heartbeat each second, and some news …
pub const PUSHED_KBPS: u32 = 20;
/// … and over so many at least.
pub const PUSHED_LINKS_MIN: usize = 8;
/// From this many links on, one without a use is closed for each that comes.
pub const LINKS_CROWDED: usize = LINKS_MAX * 3 / 4;
/// Notes each second that a node passes on though it knows nothing of their origins. Whoever gets one that is a lie counts
/// it against this node, so this bounds what liars below can make it seem guilty of.
pub const UNVETTED_PER_S: u32 = 20;
/// Neighbours that a plan gives one node in all trees together; the other links are for backups, and for those who come.
pub const PLANNED_LINKS_MAX: usize = LINKS_MAX / 2;
/// Own notes that wait for a way to the coordinator.
pub const WAITING_MAX: usize = 32;
/// Own notes about keys for one node that wait for a way to it: one for each member …
pub const UNSENT_MAX: usize = MEMBERS_MAX;
/// … and so many bytes of their bodies …
pub const UNSENT_BYTES_MAX: usize = 4 * 1024 * 1024;
/// … for this span: whoever lacks an epoch's secret asks for it then.
pub const UNSENT_FOR: Duration = Duration::from_secs(3);
/// Notes of origins that are not known yet, kept until their presence comes.
pub const STRANGE_MAX: usize = 64;
/// How long those are kept.
pub const STRANGE_FOR: Duration = Duration::from_secs(2);

/// Links to peers in the lobby that a node keeps at a time; members come first.
pub const LOBBY_LINKS_MAX: usize = 32;
/// Peers in the lobby that a node knows a way to, and that the coordinator knows as present: as many as wait at the door.
pub const LOBBY_MAX: usize = 256;
/// Control bytes each second that are taken from a neighbour in the lobby, and as many that go to it: a request with its
/// presence each few seconds, a heartbeat each second.
pub const LOBBY_BYTES_PER_S: u64 = 2 * 1024;
/// The same at once after a quiet time: a welcome with all that comes with it.
pub const LOBBY_BYTES_BURST: u64 = 32 * 1024;
/// Bytes of notes each second that a node takes in or passes on for all of the lobby together, however many wait and
/// whichever way they come.
pub const LOBBY_NOTES_PER_S: u64 = 64 * 1024;
/// The same at once after a quiet time.
pub const LOBBY_NOTES_BURST: u64 = 512 * 1024;
/// Who waits says so every few seconds; one that did not for this long waits no longer.
pub const LOBBY_GONE_AFTER: Duration = Duration::from_secs(30);
/// Whoever takes this node for one in the lobby is not asked for a parent again for this span, or until a seat comes.
pub const DOOR_SHUT_FOR: Duration = Duration::from_secs(5);
/// A link that comes up within this span of a new credential may have been made with the one before.
pub const SHOWN_ANEW_FOR: Duration = Duration::from_secs(5);

/// Contacts in a presence, and the length of each.
pub const CONTACTS_MAX: usize = 16;
/// Bytes of one contact.
pub const CONTACT_LEN_MAX: usize = 256;
/// Bytes of a credential.
pub const CREDENTIAL_MAX: usize = 4096;
/// Sources that a presence says how large somebody wants to see: as many as the stage has places.
pub const LOOKS_MAX: usize = SLOTS as usize;

/// The coordinator says that it is there this often: its heartbeat.
pub const HEARTBEAT_EVERY: Duration = Duration::from_secs(1);
/// Everybody else says again what it is like this often, should anything have been lost.
pub const PRESENCE_EVERY: Duration = Duration::from_secs(30);
/// A presence that the coordinator has not answered with a seat is said again after this span, and another way too;
/// doubles up to [`ANSWER_AFTER_MAX`].
pub const ANSWER_AFTER: Duration = Duration::from_secs(1);
/// See [`ANSWER_AFTER`].
pub const ANSWER_AFTER_MAX: Duration = Duration::from_secs(8);
/// Changes of a presence within this span go out as one.
pub const PRESENCE_DEBOUNCE: Duration = Duration::from_millis(20);
/// A coordinator whose heartbeat did not come for this long has departed.
pub const LEADER_GONE_AFTER: Duration = Duration::from_secs(3);
/// A way to the coordinator that did not bring its heartbeat first for this long gives way to one that does: a
/// heartbeat is lost, not merely late.
pub const UPHILL_STALE: Duration = Duration::from_millis(1_600);
/// A neighbour below that was not heard of for this long is lost, and all that is reached by way of it.
pub const BELOW_SILENT_AFTER: Duration = Duration::from_secs(2);
/// A member that was lost, was named so, and did not answer for this long has departed.
pub const GONE_AFTER: Duration = Duration::from_secs(3);
/// The same for a relay: taking leave of it costs nobody a key, and the sooner it is, the sooner others are planned for.
pub const RELAY_GONE_AFTER: Duration = Duration::from_millis(1_500);
/// Heartbeats that say who is lost come no closer together than this; in a meeting that is not small, where somebody always
/// is, than [`HEARTBEAT_EVERY`].
pub const NAME_LOST_EVERY: Duration = Duration::from_millis(250);
/// Somebody whose presence came is remembered this long, though it neither coordinates nor is on the stage yet.
pub const KNOWN_FOR: Duration = Duration::from_secs(10);
/// Who is missed in one heartbeat; each answers with a presence, so this bounds a storm.
pub const MISSED_MAX: usize = 256;
/// Changes of the meeting within this span make one plan.
pub const PLAN_DEBOUNCE: Duration = Duration::from_millis(80);
/// A node is told its seat no more often than this: the newest counts, and answers all that it has said meanwhile.
pub const SEAT_EVERY: Duration = Duration::from_millis(200);
/// Seats take no more than this part of the coordinator's uplink, percent, so that they don't keep back its sound …
pub const SEATS_PERCENT: u64 = 25;
/// … but for as many as that is in this span, at once …
pub const SEATS_BURST: Duration = Duration::from_millis(100);
/// … and never less than this, bytes: a small meeting's. It may be overdrawn by one seat.
pub const SEATS_BURST_MIN: u64 = 16 * 1024;
/// Seats that had to wait are looked at again after this span.
pub const SEATS_AGAIN: Duration = Duration::from_millis(20);
/// What carries a seat, beside its body, bytes.
pub const SEAT_OVERHEAD: usize = 200;
/// A coordinator that starts over waits this long, after that or its first link, for presences and the last plan.
pub const PLAN_SETTLE: Duration = Duration::from_millis(300);
/// The same for a coordinator that takes over: sources and places of the meeting come first.
pub const PLAN_SETTLE_AGAIN: Duration = Duration::from_secs(1);
/// In a meeting in which not everybody may move at once everything is planned again after this span (a guess): who comes and
/// goes meanwhile is planned for alone …
pub const PLAN_PAUSE: Duration = Duration::from_millis(300);
/// … and after this span for each person (a guess: a twentieth of the time of one core).
pub const PLAN_PAUSE_FOR_ONE: Duration = Duration::from_millis(1);

/// Plans because somebody else has the floor come no closer together than this for each person: nobody who speaks should
/// wait, and nobody who pretends to should keep the coordinator busy (a guess).
pub const FLOOR_PAUSE_FOR_ONE: Duration = Duration::from_micros(250);

/// A parent with nothing to carry on a link says so after this span.
pub const TICK_EVERY: Duration = Duration::from_millis(100);
/// A link on which a parent was silent this long, and 4 × its jitter, is suspected (DESIGN 3.4).
pub const SILENCE_BASE: Duration = Duration::from_millis(120);
/// The jitter that a link is believed to have before it was measured (a guess): suspected after 160 ms.
pub const JITTER_START: Duration = Duration::from_millis(10);
/// However little a link jitters, this much is allowed for: a tick and a unit may be planned together (a guess).
pub const JITTER_MIN: Duration = Duration::from_millis(4);
/// However much a link jitters, silence is suspected after this span.
pub const SILENCE_MAX: Duration = Duration::from_millis(600);
/// An answer to an attach is waited for this long (a guess: 3 × the round trip on a continent).
pub const ATTACH_TIMEOUT: Duration = Duration::from_millis(250);
/// Who is still waited for when the next is asked: a late yes is sooner than one that is asked for anew.
pub const AWAITED_MAX: usize = 3;
/// A neighbour that answers slower than this is not waited for any longer because of it.
pub const ANSWERS_IN_MAX: Duration = Duration::from_secs(1);
/// A link to a candidate is waited for this long.
pub const DIAL_TIMEOUT: Duration = Duration::from_millis(600);
/// When every candidate has refused, the next round starts after this span.
pub const RETRY_AFTER: Duration = Duration::from_millis(400);
/// What a parent had under way when it was left is taken for this span: the new one may be faster.
pub const LEFT_FOR: Duration = Duration::from_millis(500);
/// A child waits this long for a parent that says that it is being repaired itself.
pub const STALL_PATIENCE: Duration = Duration::from_millis(500);
/// Where a parent lives but brings nothing of a tree for this long, though by its own word or by another tree there is
/// something, another is tried beside it; doubles each time up to [`STARVED_MAX`].
pub const STARVED_AFTER: Duration = Duration::from_millis(700);
/// The same where nothing says that the source is not simply silent.
pub const SILENT_SOURCE_AFTER: Duration = Duration::from_secs(2);
/// Who is tried beside a parent has this long to bring a unit: what it keeps comes at once.
pub const TRIAL_FOR: Duration = Duration::from_millis(500);
/// See [`STARVED_AFTER`].
pub const STARVED_MAX: Duration = Duration::from_secs(12);
/// A new parent that the plan names, and that could not take this node at once (it may be on its way
/// itself), is asked again after this span, doubling up to [`RETURN_AFTER`].
pub const RETURN_SOON: Duration = Duration::from_millis(200);
/// The same, doubled once, where the new parent still hangs below this node: it is to change places with it.
pub const RETURN_LOOPED: Duration = Duration::from_millis(500);
/// A child that another of the plan has come in place of is fed beside it for this long, while it looks for a parent.
pub const MAKES_WAY_FOR: Duration = Duration::from_millis(500);
/// A node that had to go to a backup goes back to the parent of the plan after this span.
pub const RETURN_AFTER: Duration = Duration::from_secs(5);
/// An attach for a feed that this node's plan does not know yet is kept this long.
pub const PARKED_FOR: Duration = Duration::from_millis(400);
/// Attaches that are kept so.
pub const PARKED_MAX: usize = 256;
/// A child that was not heard of for this long no longer counts.
pub const CHILD_GONE_AFTER: Duration = Duration::from_secs(2);
/// A child says on a link with nothing to say that it is there: the transport notices a death only after
/// seconds, and until then a dead child would take uplink from those who look for a parent.
pub const ALIVE_EVERY: Duration = Duration::from_millis(400);
/// What a child costs that was not heard of for this long is free for others: it may be dead. Two signs of
/// life and some delay; orphans ask again each [`RETRY_AFTER`], so a full parent costs them one round more.
pub const CHILD_SILENT_AFTER: Duration = Duration::from_millis(900);
/// A node in a tree that nobody needs it in leaves after this span.
pub const LINGER_FOR: Duration = Duration::from_secs(2);
/// While a picture's next layer has brought no key frame, the old one is kept up to this span.
pub const SWITCH_PATIENCE: Duration = Duration::from_secs(5);
/// A parent owes units, or a tick each [`TICK_EVERY`]: one that lives and brings neither for this long is complained of, and
/// left.
pub const OWED_AFTER: Duration = Duration::from_secs(2);
/// Sound by one of two trees is late from so many frames behind the other on (half a second).
pub const LATE_FRAMES: u32 = 25;
/// Whoever brings it late for this long is left.
pub const LATE_FOR: Duration = Duration::from_secs(2);
/// Parents that a node complains of at once.
pub const COMPLAINTS_MAX: usize = 8;
/// A complaint is said for this long after it was deserved last.
pub const COMPLAINT_FOR: Duration = Duration::from_secs(30);
/// Whoever was complained of is asked for nothing for this long: one that alters units would be let in again each time.
pub const AVOIDED_FOR: Duration = Duration::from_secs(600);
/// A coordinator counts it for this long after it heard it last: a presence may come as late as the next.
pub const COMPLAINT_STANDS_FOR: Duration = Duration::from_secs(45);
/// So many owners have to complain of somebody for it to feed nobody any more.
pub const OWNERS_TO_DEMOTE: usize = 3;
/// Nodes whose complaints, and those of whom, are remembered.
pub const ACCUSED_MAX: usize = 256;
/// Owners that are remembered to complain of one of them.
pub const ACCUSERS_MAX: usize = 16;
/// Nodes that feed nobody for what was said of them.
pub const DEMOTED_MAX: usize = 256;
/// Upkeep that needs no precise moment happens this often.
pub const HOUSEKEEPING_EVERY: Duration = Duration::from_millis(100);

/// One neighbour is asked this often how far it is, beside each new one (a guess: half a kilobit a second with its answer).
pub const PROBE_EVERY: Duration = Duration::from_secs(2);
/// A node knows where it is once it is off by no more than this, thousandths of a distance.
pub const KNOWN_WITHIN: i64 = 250;
/// Round trips of a neighbour of which the least counts.
pub const ROUND_TRIPS_KEPT: usize = 4;
/// A node that is further from where it said that it is than this, 0.1 ms of round trip, says so again …
pub const MOVED_BY: u32 = 150;
/// … but not within this span of its last presence.
pub const SAID_WHERE_EVERY: Duration = Duration::from_secs(5);

/// A neighbour that broke the protocol is not linked again for this span.
pub const COOL_FOR: Duration = Duration::from_secs(30);

/// What a node keeps of each tree to serve those who attach.
pub const RING_SPAN: Duration = Duration::from_secs(1);
/// What is kept is given to newcomers up to this part of an uplink, percent (a guess: what no plan gives out), …
pub const REPLAYS_PERCENT: u64 = 10;
/// … and as much at once as the uplink carries in this span (a guess: a fifth of what makes units stale); …
pub const REPLAYS_BURST: Duration = Duration::from_millis(100);
/// … but never less than this, bytes. Who gets nothing waits for a key frame.
pub const REPLAYS_BURST_MIN: u64 = 16 * 1024;
/// Bytes of a ring: 1 s of 1.5 Mbit/s twice over.
pub const RING_BYTES_MAX: usize = 512 * 1024;
/// Units of a ring.
pub const RING_UNITS_MAX: usize = 512;
/// Frames of several units that one group waits for, a second of pictures: units come no later than rings hold them.
pub const GATHERED_MAX: usize = 32;
/// A source signs what it put into a tree this often: twice, and one late, and it is verified within a second.
pub const LIST_EVERY: Duration = Duration::from_millis(400);
/// Who said that it speaks is taken to be silent if it did not say so again for this long; it does each second.
pub const SPEAKS_FOR: Duration = Duration::from_secs(3);
/// Somebody is in front only after having spoken for this long, so that a cough or a word of assent moves no picture …
pub const FRONT_AFTER: Duration = Duration::from_millis(250);
/// … and if whoever is in front speaks as well, only after this long …
pub const FRONT_OVER_AFTER: Duration = Duration::from_secs(2);
/// … and if it is louder by so many decibels.
pub const FRONT_OVER_DB: u8 = 6;
/// People of whom a coordinator remembers when they spoke last.
pub const SPEAKERS_MAX: usize = 1_024;
/// People who are pinned, people whose hands are up, and people who share a screen, each.
pub const CLAIMED_MAX: usize = 256;
/// How long a unit is remembered for its list, and a list for its units.
pub const LISTED_FOR: Duration = Duration::from_secs(2);
/// Units of a tree that are remembered so.
pub const LISTED_MAX: usize = 512;
/// A unit that no list names after this span is not verified.
pub const LIST_LATE_AFTER: Duration = Duration::from_secs(1);
/// Who brought a unit that the source did not send is blamed for this span: it remembers it for longer itself, by more
/// than a link's delay, and would have taken it back.
pub const BLAMED_FOR: Duration = Duration::from_secs(1);
/// Whether lists cover what comes is looked at this often.
pub const VERIFIED_EVERY: Duration = Duration::from_millis(200);
/// Lists of a tree that the edge checks at a time.
pub const LISTS_IN_CHECK_MAX: usize = 8;
/// Lists are kept for those who attach: of what a ring holds, and of what came since the last.
pub const LISTS_KEPT_FOR: Duration = Duration::from_millis(1_400);
/// Lists of a tree that are kept.
pub const LISTS_KEPT_MAX: usize = 8;
/// A parent that brings units and no lists is left after this span; doubles up to [`LISTS_MISSED_MAX`], should it be the
/// source that signs none.
pub const LISTS_MISSED_AFTER: Duration = Duration::from_secs(2);
/// See [`LISTS_MISSED_AFTER`].
pub const LISTS_MISSED_MAX: Duration = Duration::from_secs(60);
/// So much longer for each link between the source and the parent, so that the first below whoever keeps lists back moves,
/// and not all.
pub const LISTS_MISSED_FOR_LINK: Duration = Duration::from_millis(500);
/// A parent that takes back units more often than this is left.
pub const RETRACTIONS_MAX: u32 = 3;
/// Within this span.
pub const RETRACTIONS_WITHIN: Duration = Duration::from_secs(60);
/// Requests for a key frame of one tree pass a node at most this often.
pub const KEY_WANTED_EVERY: Duration = Duration::from_secs(1);
/// After units were dropped a child gets only the base temporal layer for this span.
pub const THIN_FOR: Duration = Duration::from_secs(2);

/// Parents that begin to drop pictures so often …
pub const DROPS_MAX: usize = 3;
/// … within this span, if they are more than half of all, have more for a node than its way in takes …
pub const DROPS_WITHIN: Duration = Duration::from_secs(10);
/// … where each tree counts once in this span, …
pub const DROPS_APART: Duration = Duration::from_secs(1);
/// … and as far as it has noted them.
pub const DROPS_NOTED_MAX: usize = 32;
/// What comes in is counted over spans of this length: shorter than most bursts that fill a way in …
pub const CAME_SPAN: Duration = Duration::from_millis(250);
/// … and the most in one of so many of the last in which anything came is what a full way in carries (a guess).
pub const CAME_SPANS: usize = 16;
/// A way in that is full is taken to carry this part of what it was taken to before at most, thousandths (a guess).
pub const DOWNLINK_LOWERED_PERMILLE: u32 = 850;
/// Not lowered twice within this span: a plan has to change something first (a guess).
pub const DOWNLINK_LOWERED_FOR: Duration = Duration::from_secs(3);
/// What was borne for a while may be more, thousandths (as offers regrow) …
pub const DOWNLINK_GROWS_PERMILLE: u32 = 1_250;
/// … after this span …
pub const DOWNLINK_GROWS_AFTER: Duration = Duration::from_secs(10);
/// … which doubles up to this each time that it was too much: each try can cost some frames (a guess).
pub const DOWNLINK_GROWS_AFTER_MAX: Duration = Duration::from_secs(300);

/// A node sees to it that it has this many links, so that notes reach everybody.
pub const GOSSIP_LINKS: usize = 4;
/// A peer that could not be reached is dialled again after this span, doubling up to [`DIAL_AGAIN_MAX`].
pub const DIAL_AGAIN: Duration = Duration::from_secs(1);
/// See [`DIAL_AGAIN`].
pub const DIAL_AGAIN_MAX: Duration = Duration::from_secs(30);
/// This many neighbours, each time others, are told what notes there are.
pub const HAVE_LINKS: usize = 2;
/// They are told this often.
pub const HAVE_EVERY: Duration = Duration::from_secs(3);
/// A neighbour that is only told of presences is told after this span: they should have come another way.
pub const LAZY_AFTER: Duration = Duration::from_millis(300);
/// How often such neighbours are told.
pub const LAZY_EVERY: Duration = Duration::from_millis(500);
/// Neighbours that are told of one note so, each time others: enough that hardly anybody is told by none, and what it costs
/// doesn't grow with links.
pub const LAZY_LINKS: usize = 3;
/// A note that was asked for is asked of another neighbour after this span (a guess: a round trip around the world, and a
/// queue).
pub const WANTED_FOR: Duration = Duration::from_millis(600);
/// Notes that are waited for so.
pub const WANTED_MAX: usize = 1_024;
/// Neighbours that are remembered to have one of them.
pub const WANTED_OF_MAX: usize = 3;
/// Note ids in one message.
pub const NOTE_IDS_MAX: usize = 256;
/// Note ids told to each of them beyond the fresh ones, in turn.
pub const HAVE_IN_TURN: usize = 12;
/// Notes about keys that are kept of one origin.
pub const KEYS_NOTES_MAX: usize = 64;
/// Notes about keys of which only the last counts, of one origin: each takes the place of the one of its number.
pub const STANDING_MAX: u8 = 5;
/// Bytes of notes about keys that are kept of one origin.
pub const KEYS_BYTES_MAX: usize = 256 * 1024;
/// Bytes of notes about keys that are kept in all.
pub const KEYS_TOTAL_MAX: usize = 16 * 1024 * 1024;
/// How long a note about keys is kept.
pub const KEYS_KEPT_FOR: Duration = Duration::from_secs(600);
/// Serials of one origin that are remembered as seen, so that nothing is told twice.
pub const SEEN_MAX: usize = 256;
/// Notes that wait for the edge's verdict.
pub const VETTING_MAX: usize = 1024;

/// Control bytes that a neighbour may send each second, and at once after a quiet time.
pub const CONTROL_BYTES_PER_S: u64 = 512 * 1024;
/// See [`CONTROL_BYTES_PER_S`].
pub const CONTROL_BYTES_BURST: u64 = 4 * 1024 * 1024;
/// Control messages that a neighbour may send each second.
pub const CONTROL_MESSAGES_PER_S: u64 = 2_000;
/// Control messages that a neighbour may send at once after a quiet time.
pub const CONTROL_MESSAGES_BURST: u64 = 8_000;
/// What one unit that nobody asked for, or a note that does not verify, costs of the messages.
pub const UNASKED_COST: u64 = 10;

/// Share of an uplink that is planned at all, in percent (DESIGN 3.3: admitted up to 0.85 of the supply).
pub const SUPPLY_PERCENT: u64 = 85;
/// Share of that which the planner leaves free for grafts, in percent (DESIGN 3.3: 8 to 15 %).
pub const RESERVE_PERCENT: u64 = 10;
/// Share of an uplink up to which a node accepts grafts that no plan foresaw, in percent.
pub const GRAFT_PERCENT: u64 = 95;
/// A node that has carried nothing yet offers this part of what its owner lends, thousandths (DESIGN 3.5: half) …
pub const OFFER_FIRST_PERMILLE: u32 = 500;
/// … but no less than this: one copy of the largest picture and its sound, without which nothing would be borne (a guess).
pub const OFFER_TRIED_KBPS: u32 = 2_000;
/// What keeps waiting halves the offer, but for this much, thousandths (a guess).
pub const OFFER_LEAST_PERMILLE: u32 = 60;
/// Not twice within this span: a plan has to move somebody first (a guess).
pub const OFFER_HALVED_FOR: Duration = Duration::from_secs(3);
/// What was borne grows the offer to this, thousandths, after [`OFFER_GROWS_EVERY`] (decision 18) …
pub const OFFER_GROWS_PERMILLE: u32 = 1_500;
/// See [`OFFER_GROWS_PERMILLE`].
pub const OFFER_GROWS_EVERY: Duration = Duration::from_secs(2);
/// … and to this, after [`OFFER_REGROWS_EVERY`], where it was halved before (DESIGN 3.5: a quarter each ten seconds).
pub const OFFER_REGROWS_PERMILLE: u32 = 1_250;
/// See [`OFFER_REGROWS_PERMILLE`].
pub const OFFER_REGROWS_EVERY: Duration = Duration::from_secs(10);
/// An offer is borne while children cost at least this much of it, percent: little, since what is there for the moment when
/// another relay dies has to be offered before (decision 18).
pub const OFFER_USED_PERCENT: u64 = 25;
/// What a node sends waits if nothing of it gets out sooner than this …
pub const QUEUE_LONG: Duration = Duration::from_millis(50);
/// … for this span: longer than most key frames take …
pub const QUEUE_SPAN: Duration = Duration::from_millis(500);
/// … in which there was so much (a guess).
pub const QUEUE_UNITS_MIN: u32 = 8;
/// Before a lease ends nothing more is offered for this span, so that whoever is fed hangs elsewhere by then …
pub const DRAIN_FOR: Duration = Duration::from_secs(30);
/// … but for no more than this part of the lease.
pub const DRAIN_PART_MAX: u32 = 4;
/// What a list of units takes beside its hashes: signature, names and framing, in bytes.
pub const LIST_OVERHEAD: u64 = 170;
/// What QUIC, UDP, IP and the headers of the overlay add to each packet, in bytes.
pub const PACKET_OVERHEAD: u64 = 80;
/// Bytes of payload in one packet.
pub const PACKET_PAYLOAD: u64 = 1200;
/// Pictures each second that the planner counts with.
pub const PICTURES_PER_S: u64 = 30;
/// Opus frames each second.
pub const SOUNDS_PER_S: u64 = 50;

/// How long before its end a lease of this length is offered no longer.
pub fn drain_for(lease: Duration) -> Duration {
    DRAIN_FOR.min(lease / DRAIN_PART_MAX)
}

/// Over how many links a node of so much uplink pushes notes for everybody.
pub(crate) fn pushed_links(uplink_kbps: u32) -> usize {
    let borne = uplink_kbps / 100 * PUSHED_PERCENT / PUSHED_KBPS;
    usize::try_from(borne).unwrap_or(LINKS_MAX).clamp(PUSHED_LINKS_MIN, LINKS_MAX)
}
