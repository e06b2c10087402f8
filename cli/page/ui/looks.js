// @ts-check
// Tells the node how large each tile is, so that it asks for pictures no larger than that.

/** How long sizes rest before they are told, in milliseconds. */
const REST_MS = 250;
/** Tiles that are told of: the node reads no text above 32 KiB. */
const TOLD_MAX = 200;

export class Looks {
  /** @type {Map<Element, boolean>} what of each tile can be seen where it stands */
  #seen = new Map();
  #timer = 0;
  #told = '';
  #soon = () => this.soon();
  #again = () => {
    this.#told = '';
    this.soon();
  };

  /**
   * @param {import('../session.js').Session} session
   * @param {Element} root what scrolls
   * @param {Map<string, import('./tile.js').Tile>} tiles
   */
  constructor(session, root, tiles) {
    this.session = session;
    this.tiles = tiles;
    this.sight = new IntersectionObserver(
      (entries) => {
        entries.forEach(({ target, isIntersecting }) => this.#seen.set(target, isIntersecting));
        this.soon();
      },
      { root },
    );
    document.addEventListener('visibilitychange', this.#soon);
    // A node that was started anew, or another tab's, knows nothing of this page.
    session.addEventListener('socket', this.#again);
  }

  /** @param {Element} tile */
  add(tile) {
    this.sight.observe(tile);
  }

  /** @param {Element} tile */
  remove(tile) {
    this.sight.unobserve(tile);
    this.#seen.delete(tile);
  }

  soon() {
    window.clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => this.tell(), REST_MS);
  }

  tell() {
    const others = [...this.tiles.values()].filter((tile) => !tile.own);
    others.sort((one, other) => Number(other.camera) - Number(one.camera));
    const tiles = others.slice(0, TOLD_MAX).map(({ id, element }) => ({ source: id, height: this.height(element) }));
    const text = JSON.stringify(tiles);
    if (text === this.#told || this.session.socket !== 'open') return;
    this.#told = text;
    this.session.say({ type: 'tiles', tiles });
  }

  /** In pixels of the screen. @param {HTMLElement} tile */
  height(tile) {
    const seen = !document.hidden && (this.#seen.get(tile) ?? true);
    return seen ? Math.round(tile.clientHeight * devicePixelRatio) : 0;
  }

  close() {
    window.clearTimeout(this.#timer);
    this.sight.disconnect();
    document.removeEventListener('visibilitychange', this.#soon);
    this.session.removeEventListener('socket', this.#again);
  }
}
