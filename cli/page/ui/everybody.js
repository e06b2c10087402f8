// @ts-check
// Everybody in a large meeting, page by page as one scrolls: the node itself holds only who said something lately.

import { el } from '../dom.js';

/** A page that did not come is asked for again after so long, in milliseconds. */
const AGAIN_MS = 3_000;
/** The list is laid out before the next page is asked for. */
const NEXT_MS = 100;

/** @typedef {import('../messages.js').Listed} Listed */

export class Everybody {
  /** @type {Map<number, Listed[]>} */
  #pages = new Map();
  /** Pages that hold with the code of now: whoever comes or leaves may change any. */
  #fresh = new Set();
  #count = 1;
  #code = '';
  #near = false;
  #asked = 0;

  /** @param {import('../session.js').Session} session @param {(person: Listed) => HTMLElement} row */
  constructor(session, row) {
    this.session = session;
    this.row = row;
    this.heading = el('h3', { id: 'everybody' });
    this.list = el('ul', { class: 'people', 'aria-labelledby': 'everybody' });
    this.end = el('p', { class: 'note', role: 'status' });
    this.element = el('section', { hidden: true }, this.heading, this.list, this.end);
    this.sight = new IntersectionObserver((entries) => {
      this.#near = entries.some((entry) => entry.isIntersecting);
      this.ask();
    });
    this.sight.observe(this.end);
    session.addEventListener('page', (event) => this.take(/** @type {CustomEvent} */ (event).detail));
  }

  refresh() {
    const { state } = this.session;
    this.element.hidden = !state || state.people.length + 1 >= state.members;
    if (!state || this.element.hidden) return;
    this.heading.textContent = `All ${state.members}`;
    if (this.#code === state.code) return;
    this.#code = state.code ?? '';
    this.#fresh.clear();
    this.ask();
  }

  /** The first page that is not held is asked for, while the end of the list is in sight or what is shown is of before. */
  ask() {
    const wanted = [...Array(this.#count).keys()].find((page) => !this.#fresh.has(page));
    const shown = wanted !== undefined && this.#pages.has(wanted);
    if (this.element.hidden || wanted === undefined || !(this.#near || shown)) return;
    window.clearTimeout(this.#asked);
    this.#asked = window.setTimeout(() => this.ask(), AGAIN_MS);
    this.session.say({ type: 'page', page: wanted });
  }

  /** @param {{ page: number, pages: number, people: Listed[] }} come */
  take({ page, pages, people }) {
    this.#count = pages;
    this.#pages.set(page, people);
    this.#fresh.add(page);
    for (const other of this.#pages.keys()) if (other >= pages) this.#pages.delete(other);
    const held = [...this.#pages].sort(([one], [other]) => one - other).flatMap(([, people]) => people);
    this.list.replaceChildren(...held.map((person) => this.row(person)));
    const words = this.#pages.size < pages ? 'More as you scroll.' : '';
    if (this.end.textContent !== words) this.end.textContent = words;
    window.clearTimeout(this.#asked);
    this.#asked = window.setTimeout(() => this.ask(), NEXT_MS);
  }
}
