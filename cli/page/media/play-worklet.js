// @ts-check
// Plays all sources: a draining jitter buffer for each, summed. A gap is bridged by fading what was heard last;
// what a buffer never needed within a second is left out again, so that delay doesn't pile up. After a burst (somebody has
// taken the floor, and their first words come at once) that is done in the pauses of speech, so that none of it is lost.

const MS = 48;
const MARGIN = [40 * MS, 240 * MS];
/** More than this is a burst after a stall: the oldest is left out at once. */
const FULL = 900 * MS;
/** Quieter than this is a pause: 50 dB below full scale. */
const QUIET = 0.003;
/** Who never pauses for so many seconds is cut all the same. */
const PATIENCE = 8;
const BLOCK = 128;
const SOURCES_MAX = 64;

class Stream {
  /** @type {Float32Array[]} */
  packets = [];
  offset = 0;
  length = 0;
  margin = MARGIN[0];
  plays = false;
  lowest = Infinity;
  last = new Float32Array(10 * MS);
  lastAt = 0;
  fade = 0;
  level = 0;
  silent = 0;
  gaps = 0;
  late = 0;

  /** @param {Float32Array} samples */
  push(samples) {
    // Late, and nothing is said: so much less to wait for.
    if (this.plays && this.length > 2 * this.margin && samples.every((sample) => Math.abs(sample) < QUIET)) return;
    this.packets.push(samples);
    this.length += samples.length;
    this.silent = 0;
    while (this.length > FULL) this.skip(this.length - this.margin);
    if (!this.plays && this.length >= this.margin) {
      this.plays = true;
      this.lowest = Infinity;
    }
  }

  /** @param {number} count */
  skip(count) {
    for (let left = Math.min(count, this.length); left > 0; ) {
      const here = Math.min(left, this.packets[0].length - this.offset);
      this.move(here);
      left -= here;
    }
  }

  /** @param {number} count */
  move(count) {
    this.offset += count;
    this.length -= count;
    if (this.offset === this.packets[0].length) {
      this.packets.shift();
      this.offset = 0;
    }
  }

  /** @param {Float32Array} out */
  mix(out) {
    if (this.plays && this.length < out.length) {
      this.plays = false;
      this.gaps++;
      this.fade = 1;
      this.margin = Math.min(MARGIN[1], this.margin + 10 * MS);
    }
    if (!this.plays) return this.conceal(out);
    this.lowest = Math.min(this.lowest, this.length);
    for (let at = 0; at < out.length; ) {
      const packet = this.packets[0];
      const here = Math.min(out.length - at, packet.length - this.offset);
      for (let i = 0; i < here; i++) {
        const sample = packet[this.offset + i];
        out[at + i] += sample;
        this.level = Math.max(this.level, Math.abs(sample));
        this.last[this.lastAt] = sample;
        this.lastAt = (this.lastAt + 1) % this.last.length;
      }
      this.move(here);
      at += here;
    }
  }

  /** @param {Float32Array} out */
  conceal(out) {
    this.silent += out.length;
    if (this.fade < 0.01) return;
    for (let i = 0; i < out.length; i++) {
      out[i] += this.last[this.lastAt] * this.fade;
      this.lastAt = (this.lastAt + 1) % this.last.length;
      this.fade *= 0.9985;
    }
  }

  /** Once a second. */
  drain() {
    const late = this.plays && this.lowest !== Infinity && this.lowest > this.margin;
    this.late = late ? this.late + 1 : 0;
    // A little can be left out unheard, a burst can't.
    const little = this.lowest - this.margin <= 20 * MS;
    if (late && (little || this.late > PATIENCE)) this.skip(this.lowest - this.margin);
    else if (late) return void (this.lowest = Infinity);
    else if (this.plays && this.lowest > this.margin / 2) this.margin = Math.max(MARGIN[0], this.margin - 2 * MS);
    this.lowest = Infinity;
  }
}

class Play extends AudioWorkletProcessor {
  /** @type {Map<string, Stream>} */
  streams = new Map();
  blocks = 0;

  constructor() {
    super();
    this.port.onmessage = ({ data }) => {
      if (data.in) data.in.onmessage = (/** @type {MessageEvent} */ { data: { source, samples } }) => this.stream(source)?.push(samples);
      if (data.forget) this.streams.delete(data.forget);
    };
  }

  /** @param {string} source */
  stream(source) {
    let stream = this.streams.get(source);
    if (!stream && this.streams.size < SOURCES_MAX) this.streams.set(source, (stream = new Stream()));
    return stream;
  }

  /** @param {Float32Array[][]} _inputs @param {Float32Array[][]} outputs */
  process(_inputs, [channels]) {
    const out = channels[0];
    this.streams.forEach((stream) => stream.mix(out));
    for (let i = 0; i < out.length; i++) out[i] = Math.max(-1, Math.min(1, out[i]));
    for (const channel of channels.slice(1)) channel.set(out);
    this.blocks++;
    if (this.blocks % 38 === 0) this.tell();
    if (this.blocks % ((1000 * MS) / BLOCK) === 0) this.streams.forEach((stream) => stream.drain());
    return true;
  }

  /** About ten times a second: how loud each source was. */
  tell() {
    /** @type {Record<string, number>} */
    const levels = {};
    /** @type {Record<string, number>} */
    const gaps = {};
    this.streams.forEach((stream, source) => {
      levels[source] = stream.level;
      gaps[source] = stream.gaps;
      stream.level = 0;
    });
    this.port.postMessage({ levels, gaps });
  }
}

registerProcessor('canopy-play', Play);
