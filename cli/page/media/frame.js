// @ts-check
// One frame on the socket; docs/page.md says what lies where.

export const HEADER = 20;
const SOURCE = 32;

/**
 * @typedef {object} Frame
 * @property {string} source who sends it, 64 hex digits
 * @property {number} layer 0 sound, 1 to 3 pictures
 * @property {boolean} key
 * @property {number} temporal
 * @property {number} colour matrix coefficients (H.273)
 * @property {number} number
 * @property {number} captured microseconds of this page's clock
 * @property {number} width
 * @property {number} height
 * @property {Uint8Array} data
 */

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/**
 * @param {ArrayBuffer} buffer
 * @returns {Frame}
 */
export function read(buffer) {
  const view = new DataView(buffer);
  let source = '';
  for (let at = HEADER; at < HEADER + SOURCE; at++) source += HEX[view.getUint8(at)];
  return {
    source,
    layer: view.getUint8(0),
    key: (view.getUint8(1) & 1) !== 0,
    temporal: view.getUint8(1) >> 1,
    colour: view.getUint8(2),
    number: view.getUint32(4),
    captured: Number(view.getBigUint64(8)),
    width: view.getUint16(16),
    height: view.getUint16(18),
    data: new Uint8Array(buffer, HEADER + SOURCE),
  };
}

/**
 * The bytes of an encoded chunk for the node.
 * @param {EncodedVideoChunk | EncodedAudioChunk} chunk
 * @param {{ layer: number, temporal: number, colour: number, level?: number, captured: number, width: number, height: number }} about
 */
export function write(chunk, about) {
  const buffer = new ArrayBuffer(HEADER + chunk.byteLength);
  const view = new DataView(buffer);
  view.setUint8(0, about.layer);
  view.setUint8(1, (chunk.type === 'key' ? 1 : 0) | (about.temporal << 1));
  view.setUint8(2, about.colour);
  view.setUint8(3, about.level ?? 0);
  view.setBigUint64(8, BigInt(Math.max(0, Math.round(about.captured))));
  view.setUint16(16, about.width);
  view.setUint16(18, about.height);
  chunk.copyTo(new Uint8Array(buffer, HEADER));
  return buffer;
}

/**
 * The level of sound as RFC 6464 (3) has it: decibels below full scale, 127 for silence.
 * @param {Float32Array} samples
 */
export function level(samples) {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  const below = -10 * Math.log10(sum / Math.max(1, samples.length));
  return Math.round(Math.min(127, Math.max(0, below)));
}

/** This page's clock, in microseconds: the same in all its threads. */
export const nowUs = () => Math.round((performance.timeOrigin + performance.now() - EPOCH) * 1000);
// Small numbers stay exact; which moment this is doesn't matter, as the node is told what the clock shows.
const EPOCH = 1_700_000_000_000;
