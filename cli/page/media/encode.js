// @ts-check
// Encodes one source's pictures in all layers, and its sound. What can't be encoded or written in time is dropped
// before it costs anything: nothing here queues without bound.

import { code } from './colour.js';
import { level, nowUs, write } from './frame.js';
import { SOUND, fit, ladder } from './layers.js';

/** Pictures that an encoder may have in hand before the next is skipped. */
const QUEUE_MAX = 2;
/** Bytes that may wait in the socket before pictures are skipped: 1 s of all layers. */
const SOCKET_MAX = 256 * 1024;
/** Key frames are made no more often than this, however often they are asked for, in microseconds. */
const KEY_SPACING = 500_000;
const SAMPLE_RATE = 48_000;
/** Packets of sound whose levels are remembered while they are encoded: a second. */
const LEVELS_MAX = 50;
const SILENCE = 127;

/**
 * @typedef {object} Out
 * @property {(bytes: ArrayBuffer) => void} send
 * @property {() => number} waiting bytes in the socket
 * @property {(layers: number[]) => void} sends tells the node what is encoded
 * @property {(error: string) => void} failed
 */

/** One layer of the picture. */
class Rung {
  wantsKey = true;
  keyed = -Infinity;
  colour = 6;
  frames = 0;

  /** @param {import('./layers.js').Layer} box @param {number} width @param {number} height @param {number} fps @param {Out} out */
  constructor(box, width, height, fps, out) {
    this.layer = box.layer;
    this.size = fit(box, width, height);
    /** @type {Map<number, number>} capture times by timestamp, as many as an encoder has in hand */
    this.captured = new Map();
    this.encoder = new VideoEncoder({
      output: (chunk, about) => {
        if (about?.decoderConfig) this.colour = code(about.decoderConfig.colorSpace);
        const captured = this.captured.get(chunk.timestamp) ?? nowUs();
        this.captured.delete(chunk.timestamp);
        this.frames++;
        const temporal = /** @type {any} */ (about)?.svc?.temporalLayerId ?? 0;
        out.send(write(chunk, { layer: this.layer, temporal: chunk.type === 'key' ? 0 : Math.min(temporal, 1), colour: this.colour, captured, ...this.size }));
      },
      error: (error) => out.failed(error.message),
    });
    this.encoder.configure({
      codec: 'vp8',
      ...this.size,
      bitrate: box.kbps * 1000,
      framerate: fps,
      latencyMode: 'realtime',
      bitrateMode: 'constant',
      scalabilityMode: 'L1T2',
    });
  }

  /** @param {VideoFrame} frame @param {number} captured */
  encode(frame, captured) {
    if (this.encoder.state !== 'configured' || this.encoder.encodeQueueSize > QUEUE_MAX) return;
    const keyFrame = this.wantsKey && captured - this.keyed >= KEY_SPACING;
    if (keyFrame) {
      this.wantsKey = false;
      this.keyed = captured;
    }
    if (this.captured.size > 32) this.captured.clear();
    this.captured.set(frame.timestamp, captured);
    this.encoder.encode(frame, { keyFrame });
  }

  close() {
    if (this.encoder.state !== 'closed') this.encoder.close();
  }
}

export class Encoding {
  /** @type {Rung[]} */
  rungs = [];
  shape = '';
  skipped = 0;
  sounds = 0;
  /** @type {AudioEncoder | null} */
  audio = null;
  /** @type {{ at: number, captured: number } | null} where sound's timeline began */
  start = null;
  samples = 0;
  /** @type {number[]} of the packets that the encoder has in hand */
  levels = [];

  /** @param {Out} out @param {number} largest the largest layer that may be sent */
  constructor(out, largest) {
    this.out = out;
    this.largest = largest;
  }

  /**
   * Takes one picture over and closes it.
   * @param {VideoFrame} frame
   */
  picture(frame) {
    try {
      this.fitTo(frame.displayWidth, frame.displayHeight);
      if (this.out.waiting() > SOCKET_MAX) {
        this.skipped++;
        return;
      }
      const captured = nowUs();
      for (const rung of this.rungs) rung.encode(frame, captured);
    } finally {
      frame.close();
    }
  }

  /** @param {number} width @param {number} height */
  fitTo(width, height) {
    const shape = `${width}x${height}`;
    if (shape === this.shape) return;
    this.noPicture();
    this.shape = shape;
    // An upright picture has its height for a width.
    this.rungs = ladder(Math.min(width, height), this.largest).map((box) => new Rung(box, width, height, 30, this.out));
    this.tell();
  }

  tell() {
    this.out.sends([...(this.audio ? [SOUND] : []), ...this.rungs.map((rung) => rung.layer)]);
  }

  /** The camera is off. */
  noPicture() {
    this.rungs.forEach((rung) => rung.close());
    this.rungs = [];
    this.shape = '';
  }

  /** @param {number} layer */
  key(layer) {
    for (const rung of this.rungs) if (rung.layer === layer) rung.wantsKey = true;
  }

  /** All layers: another node's door may have missed what came before. */
  keys() {
    this.rungs.forEach((rung) => {
      rung.wantsKey = true;
      rung.keyed = -Infinity;
    });
  }

  /**
   * Sound from the capture worklet: mono, 48 kHz.
   * @param {Float32Array} samples
   */
  sound(samples) {
    if (!this.audio) this.openAudio();
    if (this.audio?.state !== 'configured') return;
    const captured = nowUs() - (samples.length * 1e6) / SAMPLE_RATE;
    // The timeline counts samples; it begins anew when the machine slept.
    if (!this.start || Math.abs(this.start.captured + (this.samples * 1e6) / SAMPLE_RATE - captured) > 200_000) {
      this.start = { at: 0, captured };
      this.samples = 0;
    }
    const timestamp = Math.round((this.samples * 1e6) / SAMPLE_RATE);
    this.samples += samples.length;
    const data = new AudioData({
      format: 'f32-planar',
      sampleRate: SAMPLE_RATE,
      numberOfChannels: 1,
      numberOfFrames: samples.length,
      timestamp,
      data: /** @type {any} */ (samples),
    });
    if (this.levels.length < LEVELS_MAX) this.levels.push(level(samples));
    this.audio.encode(data);
    data.close();
  }

  openAudio() {
    this.levels = [];
    this.audio = new AudioEncoder({
      output: (chunk) => {
        this.sounds++;
        const captured = (this.start?.captured ?? nowUs()) + chunk.timestamp;
        this.out.send(write(chunk, { layer: SOUND, temporal: 0, colour: 2, level: this.levels.shift() ?? SILENCE, captured: Math.min(captured, nowUs()), width: 0, height: 0 }));
      },
      error: (error) => this.out.failed(error.message),
    });
    // Constant bit rate and no silence suppression: what a relay sees doesn't tell who speaks.
    this.audio.configure(/** @type {any} */ ({
      codec: 'opus',
      sampleRate: SAMPLE_RATE,
      numberOfChannels: 1,
      bitrate: 32_000,
      bitrateMode: 'constant',
      opus: { frameDuration: 20_000, application: 'voip', usedtx: false, complexity: 5 },
    }));
    this.tell();
  }

  close() {
    this.noPicture();
    if (this.audio && this.audio.state !== 'closed') this.audio.close();
    this.audio = null;
  }
}
