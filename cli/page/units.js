// @ts-check
// Figures as people read them.

/** @param {number} kbps */
export const rate = (kbps) => (kbps >= 1000 ? `${(kbps / 1000).toFixed(1)} Mbit/s` : `${kbps} kbit/s`);
