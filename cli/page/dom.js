// @ts-check
// Elements without markup: text is always text.

/**
 * Makes an element. Attributes that are functions are event listeners (`onclick`); `null` and `false` leave one out.
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Record<string, any>} [attributes]
 * @param {...(Node | string | null | undefined | false)} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, '');
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, String(value));
  }
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== false).map((child) => /** @type {Node | string} */ (child)));
  return element;
}

const SVG = 'http://www.w3.org/2000/svg';

/**
 * Makes an element of a drawing.
 * @param {string} tag
 * @param {Record<string, any>} [attributes]
 * @param {...(Node | string)} children
 * @returns {SVGElement}
 */
export function svg(tag, attributes = {}, ...children) {
  const element = /** @type {SVGElement} */ (document.createElementNS(SVG, tag));
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  element.append(...children);
  return element;
}

/** Paths of the icons, each drawn in a box of 24 with a stroke. */
const ICONS = {
  mic: 'M12 3a3 3 0 0 0-3 3v6a3 3 0 0 0 6 0V6a3 3 0 0 0-3-3zM5 11v1a7 7 0 0 0 14 0v-1M12 19v3',
  micOff: 'M9 9v3a3 3 0 0 0 5 2.200M15 10V6a3 3 0 0 0-5.8-1M5 11v1a7 7 0 0 0 11 5.700M19 11v1a7 7 0 0 1-.4 2.400M12 19v3M3 3l18 18',
  camera: 'M3 7a2 2 0 0 1 2-2h8a2 2 0 0 1 2 2v10a2 2 0 0 1-2 2H5a2 2 0 0 1-2-2zM15 11l6-4v10l-6-4',
  cameraOff: 'M9 5h4a2 2 0 0 1 2 2v4l6-4v10l-2-1.300M15 15v2a2 2 0 0 1-2 2H5a2 2 0 0 1-2-2V7a2 2 0 0 1 1-1.700M3 3l18 18',
  screen: 'M3 5h18v11H3zM8 20h8M12 16v4M12 13V8M9.5 10.2 12 7.800l2.5 2.4',
  hand: 'M8 12V5.500a1.5 1.5 0 0 1 3 0V11M11 11V4a1.5 1.5 0 0 1 3 0v7M14 11.500V5.500a1.5 1.5 0 0 1 3 0V14a7 7 0 0 1-7 7 6 6 0 0 1-5-2.600L3 15a1.5 1.5 0 0 1 2.4-1.700L8 16',
  smile: 'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM8.5 14.500a4.2 4.2 0 0 0 7 0M9 9.500v.01M15 9.500v.01',
  chat: 'M4 5h16v11H9l-5 4z',
  people: 'M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM2.5 20a6.5 6.5 0 0 1 13 0M16 4.300a3.5 3.5 0 0 1 0 6.400M18 14.300a6.5 6.5 0 0 1 3.5 5.7',
  tree: 'M12 4a2 2 0 1 0 0 4 2 2 0 0 0 0-4zM5 16a2 2 0 1 0 0 4 2 2 0 0 0 0-4zM19 16a2 2 0 1 0 0 4 2 2 0 0 0 0-4zM12 8v4M12 12H5v4M12 12h7v4',
  leave: 'M3 13c5-5.5 13-5.5 18 0v2.500l-5 .8-.8-3.300a11 11 0 0 0-6.4 0L8 16.300l-5-.8z',
  grid: 'M4 4h7v7H4zM13 4h7v7h-7zM4 13h7v7H4zM13 13h7v7h-7z',
  speaker: 'M4 4h16v10H4zM4 17h4v3H4zM10 17h4v3h-4zM16 17h4v3h-4z',
  pin: 'M9 3h6l-1 6 3 3v2H7v-2l3-3zM12 14v7',
  more: 'M5 12v.01M12 12v.01M19 12v.01',
  close: 'M5 5l14 14M19 5 5 19',
  lock: 'M6 11h12v9H6zM8.5 11V8a3.5 3.5 0 0 1 7 0v3',
  check: 'M4 12.5 9.5 18 20 6.5',
  help: 'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM9.5 9.500a2.5 2.5 0 1 1 3.5 2.300c-.7.3-1 .8-1 1.700M12 17v.01',
  send: 'M4 12 20 4l-5 16-3.5-6.500z',
};

/**
 * One of the icons; what it means is said by the button that it is on.
 * @param {keyof typeof ICONS} name
 */
export const icon = (name) =>
  svg('svg', { viewBox: '0 0 24 24', class: 'icon', 'aria-hidden': 'true' }, svg('path', { d: ICONS[name] }));

/**
 * Says something to those who don't see it.
 * @param {string} text
 */
export function announce(text) {
  const place = document.getElementById('announce');
  if (place) place.textContent = text;
}
