// @ts-check
// What a source sends side by side. The bytes are those of the program's layers.

export const SOUND = 0;

/**
 * @typedef {object} Layer
 * @property {number} layer
 * @property {number} width of the box that a picture fits into
 * @property {number} height
 * @property {number} kbps
 */

/** @type {Layer[]} */
export const PICTURES = [
  { layer: 1, width: 320, height: 180, kbps: 150 },
  { layer: 2, width: 640, height: 360, kbps: 500 },
  { layer: 3, width: 1280, height: 720, kbps: 1500 },
];

/**
 * The largest even size of a shape that fits into a layer's box.
 * @param {Layer} box
 * @param {number} width
 * @param {number} height
 */
export function fit(box, width, height) {
  const scale = Math.min(box.width / width, box.height / height);
  const even = (/** @type {number} */ length, /** @type {number} */ limit) =>
    Math.min(limit, Math.max(2, Math.round((length * scale) / 2) * 2));
  return { width: even(width, box.width), height: even(height, box.height) };
}

/**
 * The layers for a picture: none larger than it (but the smallest in any case), none larger than wanted.
 * @param {number} height
 * @param {number} largest
 */
export const ladder = (height, largest) =>
  PICTURES.filter(({ layer, height: box }) => layer <= largest && (layer === 1 || box <= height));
