// @ts-check
// What people are called here. A name is what somebody says of themselves: who has none gets a short pseudonym.

/** @param {{ id: string, name: string }} person */
export const nameOf = (person) => person.name || `Guest ${person.id.slice(0, 4)}`;

/** One or two letters for a tile without a picture. @param {string} name */
export function initials(name) {
  const words = name.split(/\s+/u).filter(Boolean);
  const letters = words.length > 1 ? [words[0], words[words.length - 1]] : [words[0] ?? '?'];
  return letters.map((word) => Array.from(word)[0] ?? '').join('').toLocaleUpperCase();
}

/** A hue for somebody, the same wherever they appear. @param {string} id */
export const hue = (id) => (parseInt(id.slice(0, 4), 16) * 137) % 360;

export const ROLES = { organiser: 'Organiser', deputy: 'Deputy', coHost: 'Co-host', guest: '' };
