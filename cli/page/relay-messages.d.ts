// Made from the program's own types: CANOPY_WRITE_TYPES=1 cargo test -p canopy types

export type FromRelay = { "type": "lent" } & Lent | { "type": "over", 
/**
 * One sentence.
 */
text: string, };

export type ToRelay = { "type": "pause", 
/**
 * Which.
 */
paused: boolean, } | { "type": "drain" };

export type Lent = { 
/**
 * The lease lines that nobody has claimed.
 */
lines: Array<string>, 
/**
 * How many there were: one for each meeting.
 */
meetings: number, 
/**
 * Nothing is lent for now.
 */
paused: boolean, 
/**
 * It is about to stop.
 */
draining: boolean, 
/**
 * The owner's limit, kbit/s.
 */
limitKbps: number, 
/**
 * Received and sent now, kbit/s.
 */
inKbps: number, 
/**
 * See above.
 */
outKbps: number, 
/**
 * The highest second so far, kbit/s.
 */
peakKbps: number, 
/**
 * Sent so far, headers included.
 */
sentBytes: number, 
/**
 * Nodes that are fed.
 */
children: number, 
/**
 * Units that were too late to be sent on.
 */
dropped: number, 
/**
 * When the lease ends, milliseconds since 1970.
 */
endsMs: number, };
