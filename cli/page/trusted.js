// @ts-check
// The page's policy asks for Trusted Types wherever a text could become code: these are the only such places.

/** @typedef {{ createScriptURL(path: string): any }} Policy */

const ALLOWED = new Set(['/media/worker.js', '/media/capture-worklet.js', '/media/play-worklet.js']);

/** @type {Policy} */
const policy = /** @type {any} */ (globalThis).trustedTypes?.createPolicy('canopy', {
  createScriptURL(/** @type {string} */ path) {
    if (!ALLOWED.has(path)) throw new TypeError(`${path} is none of this page's workers`);
    return path;
  },
}) ?? { createScriptURL: (/** @type {string} */ path) => path };

/**
 * The address of one of the page's own workers.
 * @param {string} path
 * @returns {any}
 */
export const script = (path) => policy.createScriptURL(path);
