// Made from the program's own types: CANOPY_WRITE_TYPES=1 cargo test -p canopy types

export type ToPage = { "type": "state" } & State | { "type": "line" } & Line | { "type": "reaction", from: string, 
/**
 * Which one.
 */
what: number, } | { "type": "key", layer: number, } | { "type": "muteAll" } | { "type": "page", 
/**
 * Which, from 0.
 */
page: number, 
/**
 * How many there are.
 */
pages: number, 
/**
 * Who is on it, this node too.
 */
people: Array<Listed>, } | { "type": "network" } & Network | { "type": "wrong", text: string, } | { "type": "over", text: string, };

export type ToNode = { "type": "hello", 
/**
 * [`VERSION`].
 */
version: number, 
/**
 * What the page's clock shows, microseconds.
 */
nowUs: number, } | { "type": "join", me: Me, } | { "type": "me" } & Me | { "type": "sends", layers: Array<number>, } | { "type": "say", text: string, } | { "type": "react", what: number, } | { "type": "refresh", source: string, layer: number, } | { "type": "tiles", tiles: Array<Tile>, } | { "type": "page", page: number, } | { "type": "network", wanted: boolean, } | { "type": "lend", on: boolean, } | { "type": "remove", who: string, } | { "type": "lock", locked: boolean, } | { "type": "decide", who: string, 
/**
 * Let in.
 */
admit: boolean, } | { "type": "pin", who: string, 
/**
 * From now on.
 */
pinned: boolean, } | { "type": "muteAll" } | { "type": "end" } | { "type": "leave" };

export type Tile = { 
/**
 * Whose.
 */
source: string, 
/**
 * In pixels of the screen; 0 if it can't be seen.
 */
height: number, };

export type Me = { 
/**
 * What they want to be called.
 */
name: string, 
/**
 * Sends no sound.
 */
muted: boolean, 
/**
 * Sends a picture.
 */
camera: boolean, 
/**
 * The picture is the screen.
 */
sharing: boolean, 
/**
 * The hand is up.
 */
hand: boolean, };

export type Phase = "waiting" | "lobby" | "meeting";

export type State = { 
/**
 * The node's version of these messages.
 */
version: number, 
/**
 * How far it has come.
 */
phase: Phase, 
/**
 * The same in words, with what to do where something fails.
 */
words: string, 
/**
 * This node.
 */
me: string, 
/**
 * This node's own role.
 */
role: Role, 
/**
 * It runs the meeting now: it can remove people and lock the door.
 */
runs: boolean, 
/**
 * What it last said of itself.
 */
mine: Me, 
/**
 * The largest layer that this node wants to send; 0 if it only listens.
 */
largest: number, 
/**
 * What the page sends leaves this node.
 */
onAir: boolean, 
/**
 * What this node relays for others.
 */
lending: Lending, 
/**
 * The verification code in groups; the same for everybody.
 */
code: string | null, 
/**
 * Whoever comes has to be let in.
 */
locked: boolean, 
/**
 * Who waits to be let in; only at whoever runs the meeting.
 */
knocking: Array<Knock>, 
/**
 * How many hold the meeting's keys, this node included.
 */
members: number, 
/**
 * Everybody else; of a large meeting those who said something lately.
 */
people: Array<Person>, };

export type Lending = { 
/**
 * What their media may cost.
 */
may: Lends, 
/**
 * By whose word.
 */
word: Word, };

export type Lends = "nothing" | "spare" | { "upTo": number };

export type Word = "unasked" | "kept" | "typed" | "hidden";

export type Role = "organiser" | "deputy" | "coHost" | "guest";

export type Person = { 
/**
 * Who.
 */
id: string, 
/**
 * What they call themselves; nothing vouches for it.
 */
name: string, 
/**
 * What their credential says.
 */
role: Role, 
/**
 * Has come in from the lobby.
 */
here: boolean, 
/**
 * Sends no sound.
 */
muted: boolean, 
/**
 * Sends a picture.
 */
camera: boolean, 
/**
 * The picture is their screen.
 */
sharing: boolean, 
/**
 * When the hand went up, milliseconds since 1970.
 */
hand: number | null, 
/**
 * A host wants them seen whatever happens.
 */
pinned: boolean, 
/**
 * All that comes from them is covered by lists that their own key has signed; false too while nothing comes.
 */
verified: boolean, };

export type Listed = { 
/**
 * Who.
 */
id: string, 
/**
 * What they call themselves; nothing vouches for it.
 */
name: string, 
/**
 * What their credential says, as far as it is known here.
 */
role: Role, };

export type Knock = { 
/**
 * Who.
 */
id: string, 
/**
 * With which invite, and why not let in at once, in words.
 */
how: string, };

export type Line = { 
/**
 * Counts up; a line that the page has already is the same line.
 */
number: number, 
/**
 * Who.
 */
from: string, 
/**
 * What they were called.
 */
name: string, 
/**
 * What.
 */
text: string, 
/**
 * When this node heard it, milliseconds since 1970.
 */
atMs: number, };

export type Network = { 
/**
 * Who made the plan that this node follows.
 */
coordinator: string | null, 
/**
 * The plan's number within the coordinator's term.
 */
plan: number, 
/**
 * This node's limit, what its children cost by the plan, and what it receives and sends now, kbit/s.
 */
limitKbps: number, 
/**
 * See above.
 */
committedKbps: number, 
/**
 * See above.
 */
inKbps: number, 
/**
 * See above.
 */
outKbps: number, 
/**
 * What its downlink carries, as it was measured when it was full, kbit/s; 0 as long as nothing shows that it is.
 */
downlinkKbps: number, 
/**
 * What of the children's cost is for others' media, kbit/s.
 */
lentKbps: number, 
/**
 * Units that this node gave up, since they were too late to be sent on.
 */
dropped: number, 
/**
 * Every tree that this node is in.
 */
trees: Array<Tree>, 
/**
 * Everybody whom this node knows to be present, relays too.
 */
nodes: Array<Node>, 
/**
 * How what this node gets came through in the last minute.
 */
through: Array<Through>, 
/**
 * What happened lately, newest last.
 */
happened: Array<Happened>, };

export type Tree = { 
/**
 * Whose frames it carries.
 */
source: string, 
/**
 * The place on the stage.
 */
slot: number, 
/**
 * Which layer.
 */
layer: number, 
/**
 * Who feeds this node; none at the source, or while looking.
 */
parent: string | null, 
/**
 * Who else could.
 */
backups: Array<string>, 
/**
 * Whom this node feeds.
 */
children: Array<string>, 
/**
 * What each child costs, kbit/s.
 */
kbps: number, 
/**
 * Frames can be expected.
 */
live: boolean, };

export type Node = { 
/**
 * Its pseudonym.
 */
id: string, 
/**
 * A volunteer that only carries.
 */
relay: boolean, 
/**
 * What it says that it can send, kbit/s.
 */
uplinkKbps: number, 
/**
 * There is a link to it.
 */
linked: boolean, 
/**
 * Is a source.
 */
sends: boolean, };

export type Happened = { 
/**
 * Milliseconds since 1970.
 */
atMs: number, 
/**
 * In words that go on with whom it is about.
 */
text: string, 
/**
 * Whom it is about.
 */
who: string | null, };

export type Through = { 
/**
 * Whose.
 */
source: string, 
/**
 * Which layer.
 */
layer: number, 
/**
 * From capture to this node, as the two machines' clocks show it: where one is off, so is this.
 */
delayMs: number, 
/**
 * How much of that is above the least of the minute, whatever the clocks show.
 */
aboveMs: number, 
/**
 * Frames that came.
 */
came: number, 
/**
 * Frames that did not come in time, or lacked what they depend on.
 */
lost: number, 
/**
 * Key frames that were asked for.
 */
keys: number, 
/**
 * How often it came another way than before.
 */
moves: number, };
