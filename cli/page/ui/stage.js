// @ts-check
// The tiles, laid out: a gallery of equal tiles, or one large with the others beside it (speaker, pinned, a shared screen).

import { el } from '../dom.js';
import { Looks } from './looks.js';
import { Tile } from './tile.js';

/** How long somebody speaks before they become the large one: shorter, and each cough would. */
const TAKES_OVER_MS = 900;
const MEASURE_EVERY_MS = 1_000;

export class Stage {
  /** @type {Map<string, Tile>} */
  tiles = new Map();
  /** 'gallery' or 'speaker' */
  layout = 'gallery';
  /** @type {string | null} */
  pinned = null;
  /** @type {string | null} */
  speaker = null;
  #speaking = { id: '', since: 0 };

  /** @param {import('../session.js').Session} session @param {() => Set<string>} compared */
  constructor(session, compared) {
    this.session = session;
    this.compared = compared;
    this.list = el('ul', { class: 'tiles', 'aria-label': 'People' });
    this.alone = el('p', { class: 'alone' }, 'You are the first. Others appear here when they join.');
    this.element = el('div', { class: 'stage' }, this.list, this.alone);
    this.looks = new Looks(session, this.element, this.tiles);
    this.sizes = new ResizeObserver(() => this.arrange());
    this.sizes.observe(this.element);
    this.timer = window.setInterval(() => void this.measure(), MEASURE_EVERY_MS);
  }

  /** Everybody who is shown, oneself last. */
  people() {
    const { state, me } = this.session;
    if (!state) return [];
    const others = state.people.filter((person) => person.here);
    return [...others, { ...me, id: state.me, hand: me.hand || null }];
  }

  refresh() {
    const { session } = this;
    const people = this.people();
    const there = new Set(people.map((person) => person.id));
    for (const [id, tile] of this.tiles) {
      if (!there.has(id)) {
        tile.element.remove();
        this.looks.remove(tile.element);
        this.tiles.delete(id);
        if (this.pinned === id) this.pinned = null;
        if (this.speaker === id) this.speaker = null;
      }
    }
    for (const person of people) {
      const own = person.id === session.state?.me;
      let tile = this.tiles.get(person.id);
      if (!tile) {
        tile = new Tile(person.id, own, session.worker, () => this.pin(person.id));
        this.tiles.set(person.id, tile);
        this.list.append(tile.element);
        this.looks.add(tile.element);
      }
      const stream = own ? session.devices.screen ?? session.devices.camera : null;
      tile.refresh(person, { pinned: this.pinned === person.id, compared: this.compared().has(person.id), stream });
    }
    const own = this.tiles.get(session.state?.me ?? '');
    if (own && own.element !== this.list.lastElementChild) this.list.append(own.element);
    this.alone.hidden = people.length > 1;
    this.arrange();
  }

  /** @param {string} id */
  pin(id) {
    this.pinned = this.pinned === id ? null : id;
    this.refresh();
  }

  /** Whoever is to be large, if anybody is. */
  featured() {
    if (this.pinned && this.tiles.has(this.pinned)) return this.pinned;
    const own = this.session.state?.me;
    const sharing = [...this.tiles.values()].find((tile) => tile.sharing && tile.id !== own);
    if (sharing) return sharing.id;
    if (this.layout !== 'speaker') return null;
    const others = [...this.tiles.keys()].filter((id) => id !== own);
    return this.speaker && this.speaker !== own ? this.speaker : others[0] ?? null;
  }

  arrange() {
    const featured = this.featured();
    const width = this.element.clientWidth;
    const height = this.element.clientHeight;
    this.element.classList.toggle('one', featured !== null && this.tiles.size > 1);
    this.element.classList.toggle('tall', height > width);
    for (const tile of this.tiles.values()) tile.element.classList.toggle('large', tile.id === featured);
    const { columns, tile } = best(this.tiles.size, width, height);
    this.list.style.setProperty('--columns', String(columns));
    this.list.style.setProperty('--width', `${tile}px`);
    this.looks.soon();
  }

  /** Ten times a second. */
  levels() {
    const now = performance.now();
    let loudest = '';
    for (const tile of this.tiles.values()) {
      const speaks = this.session.speaks(tile.id);
      tile.element.classList.toggle('speaking', speaks);
      if (speaks && !tile.own && (!loudest || tile.id === this.speaker)) loudest = tile.id;
    }
    if (loudest !== this.#speaking.id) this.#speaking = { id: loudest, since: now };
    if (loudest && loudest !== this.speaker && now - this.#speaking.since > TAKES_OVER_MS) {
      this.speaker = loudest;
      this.arrange();
    }
  }

  async measure() {
    const stats = /** @type {any} */ (await this.session.stats());
    for (const tile of this.tiles.values()) tile.measure(stats.sources[tile.id]);
  }

  close() {
    window.clearInterval(this.timer);
    this.sizes.disconnect();
    this.looks.close();
  }
}

const GAP = 10;

/**
 * How many columns make 16:9 tiles largest, and how wide a tile is then.
 * @param {number} count @param {number} width @param {number} height
 */
function best(count, width, height) {
  let most = { columns: 1, tile: 0 };
  for (let columns = 1; columns <= Math.max(1, count); columns++) {
    const rows = Math.ceil(count / columns);
    const wide = (width - GAP * (columns - 1)) / columns;
    const high = ((height - GAP * (rows - 1)) / rows) * (16 / 9);
    const tile = Math.floor(Math.min(wide, high));
    if (tile > most.tile) most = { columns, tile };
  }
  // So many that they'd be too small: they scroll.
  return most.tile < 150 && width > 320 ? { columns: Math.floor(width / 160), tile: 150 } : most;
}
