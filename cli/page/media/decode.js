// @ts-check
// Decodes and draws one source. Of its layers the largest that moves is shown.

import { space } from './colour.js';
import { nowUs } from './frame.js';

/** Pictures that a decoder may have in hand before the upper temporal layer, then everything to the next key frame, is dropped. */
const QUEUE_MAX = 4;
const QUEUE_FULL = 10;
/** A layer whose last picture was captured so long before a smaller one's makes room for that, in microseconds. */
const STANDS = 120_000;
/** Latencies that are remembered for the figures. */
const REMEMBERED = 256;

/**
 * @typedef {object} Events
 * @property {(layer: number) => void} refresh asks for a key frame
 * @property {(samples: Float32Array) => void} sound decoded mono sound, 48 kHz
 */

/** One layer. */
class Lane {
  /** @type {VideoDecoder | null} */
  decoder = null;
  colour = -1;
  /** when its last picture was captured */
  reached = -Infinity;
  waits = true;
  /** @type {Map<number, number>} */
  captured = new Map();

  /** @param {number} layer @param {(frame: VideoFrame, captured: number) => void} shown @param {() => void} broken */
  constructor(layer, shown, broken) {
    this.layer = layer;
    this.shown = shown;
    this.broken = broken;
  }

  /** @param {import('./frame.js').Frame} frame */
  push(frame) {
    if (frame.key && (!this.decoder || this.decoder.state === 'closed' || this.colour !== frame.colour)) this.open(frame.colour);
    const decoder = this.decoder;
    if (!decoder || decoder.state !== 'configured') return;
    if (frame.key) this.waits = false;
    if (this.waits) return;
    // This machine is too slow: what nothing depends on goes first.
    if (decoder.decodeQueueSize > QUEUE_FULL && !frame.key) {
      this.waits = true;
      this.broken();
      return;
    }
    if (decoder.decodeQueueSize > QUEUE_MAX && frame.temporal > 0) return;
    if (this.captured.size > 64) this.captured.clear();
    this.captured.set(frame.captured, frame.captured);
    decoder.decode(new EncodedVideoChunk({ type: frame.key ? 'key' : 'delta', timestamp: frame.captured, data: frame.data }));
  }

  /** @param {number} colour */
  open(colour) {
    this.close();
    this.colour = colour;
    this.decoder = new VideoDecoder({
      output: (frame) => this.shown(frame, frame.timestamp),
      error: () => {
        this.waits = true;
        this.broken();
      },
    });
    this.decoder.configure({ codec: 'vp8', colorSpace: space(colour), optimizeForLatency: true });
  }

  close() {
    if (this.decoder && this.decoder.state !== 'closed') this.decoder.close();
    this.decoder = null;
  }
}

export class Decoding {
  /** @type {Map<number, Lane>} */
  lanes = new Map();
  /** @type {OffscreenCanvas | null} */
  canvas = null;
  /** @type {OffscreenCanvasRenderingContext2D | null} */
  context = null;
  /** @type {AudioDecoder | null} */
  audio = null;
  drawn = 0;
  sounds = 0;
  layer = 0;
  lastDrawn = -Infinity;
  /** @type {number[]} */
  latencies = [];

  /** @param {Events} events */
  constructor(events) {
    this.events = events;
  }

  /** @param {OffscreenCanvas} canvas */
  show(canvas) {
    this.canvas = canvas;
    this.context = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext('2d', { alpha: false, desynchronized: true }));
  }

  /** @param {import('./frame.js').Frame} frame */
  push(frame) {
    if (frame.layer === 0) return this.sound(frame);
    let lane = this.lanes.get(frame.layer);
    if (!lane) {
      const { layer } = frame;
      lane = new Lane(layer, (picture, captured) => this.draw(layer, picture, captured), () => this.events.refresh(layer));
      this.lanes.set(layer, lane);
    }
    lane.push(frame);
  }

  /** @param {number} layer @param {VideoFrame} picture @param {number} captured */
  draw(layer, picture, captured) {
    const now = nowUs();
    const lane = this.lanes.get(layer);
    if (lane) lane.reached = captured;
    const larger = [...this.lanes.values()].some((other) => other.layer > layer && captured - other.reached < STANDS);
    if (!larger && this.canvas && this.context) {
      const { displayWidth: width, displayHeight: height } = picture;
      if (this.canvas.width !== width || this.canvas.height !== height) {
        this.canvas.width = width;
        this.canvas.height = height;
      }
      this.context.drawImage(picture, 0, 0);
      this.drawn++;
      this.layer = layer;
      this.lastDrawn = now;
      this.latencies[this.drawn % REMEMBERED] = (now - captured) / 1000;
    }
    picture.close();
  }

  /** @param {import('./frame.js').Frame} frame */
  sound(frame) {
    if (!this.audio || this.audio.state === 'closed') {
      this.audio = new AudioDecoder({
        output: (data) => {
          const samples = new Float32Array(data.numberOfFrames);
          data.copyTo(samples, { planeIndex: 0, format: 'f32-planar' });
          data.close();
          this.events.sound(samples);
        },
        error: () => {},
      });
      this.audio.configure({ codec: 'opus', sampleRate: 48_000, numberOfChannels: 1 });
    }
    this.sounds++;
    if (this.audio.decodeQueueSize < 50) {
      this.audio.decode(new EncodedAudioChunk({ type: 'key', timestamp: frame.captured, data: frame.data }));
    }
  }

  /** What the tile and the figures say. */
  stats() {
    const sorted = this.latencies.filter(Number.isFinite).sort((a, b) => a - b);
    return {
      drawn: this.drawn,
      sounds: this.sounds,
      layer: this.layer,
      width: this.canvas?.width ?? 0,
      height: this.canvas?.height ?? 0,
      agoMs: (nowUs() - this.lastDrawn) / 1000,
      p50Ms: sorted.length ? sorted[sorted.length >> 1] : null,
    };
  }

  close() {
    this.lanes.forEach((lane) => lane.close());
    this.lanes.clear();
    if (this.audio && this.audio.state !== 'closed') this.audio.close();
    this.audio = null;
  }
}
