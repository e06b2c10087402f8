// @ts-check
// What passes: reactions that rise, and short messages.

import { announce, el } from '../dom.js';

const STAYS_MS = 6_000;
const RISES_MS = 3_500;
const TOASTS_MAX = 3;

export class Toasts {
  list = el('div', { class: 'toasts' });
  air = el('div', { class: 'air', 'aria-hidden': 'true' });

  /** @param {string} text */
  say(text) {
    const toast = el('p', { class: 'toast' }, text);
    this.list.append(toast);
    while (this.list.childElementCount > TOASTS_MAX) this.list.firstElementChild?.remove();
    window.setTimeout(() => toast.remove(), STAYS_MS);
    announce(text);
  }

  /** @param {string} sign @param {string} name */
  rise(sign, name) {
    if (this.air.childElementCount > 30) return;
    const one = el('div', { class: 'rising' }, el('span', {}, sign), el('small', {}, name));
    one.style.setProperty('--at', `${10 + Math.random() * 30}%`);
    this.air.append(one);
    window.setTimeout(() => one.remove(), RISES_MS);
  }
}
