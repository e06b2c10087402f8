// @ts-check
// Colour spaces: H.273 matrix coefficients on the wire, WebCodecs' names here. VP8 itself says nothing, and decoders
// guess BT.709, which turns a 601 picture's colours: so it is always carried and always said.

/** @type {Record<number, VideoColorSpaceInit>} */
const SPACES = {
  1: { primaries: 'bt709', transfer: 'bt709', matrix: 'bt709', fullRange: false },
  6: { primaries: 'smpte170m', transfer: 'smpte170m', matrix: 'smpte170m', fullRange: false },
};
/** What VP8 is by its specification where nobody says more. */
const BT601 = 6;

/**
 * @param {number} code
 * @returns {VideoColorSpaceInit}
 */
export const space = (code) => SPACES[code === 1 ? 1 : BT601];

/**
 * @param {VideoColorSpaceInit | undefined} said what the encoder's configuration for decoders says
 */
export const code = (said) => (said?.matrix === 'bt709' ? 1 : BT601);
