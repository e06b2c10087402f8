// @ts-check
// The meeting: stage, bar, a panel at the side, and the keys.

import { announce, el, icon } from '../dom.js';
import { nameOf } from '../names.js';
import { Bar, REACTIONS } from './bar.js';
import { Chat } from './chat.js';
import { NetworkPanel } from './network.js';
import { People } from './people.js';
import { confirm, help } from './sheet.js';
import { Stage } from './stage.js';
import { Toasts } from './toasts.js';

/** @typedef {'chat' | 'people' | 'network'} PanelName */

export class Meeting {
  /** @type {PanelName | null} */
  panel = null;
  unread = 0;
  #comparedCode = '';
  #talks = false;
  /** @type {Map<string, string>} */
  #known = new Map();
  #keys = (/** @type {KeyboardEvent} */ event) => this.key(event);
  #up = (/** @type {KeyboardEvent} */ event) => this.keyUp(event);
  /** @type {[string, EventListener][]} */
  #on;

  /** @param {import('../session.js').Session} session */
  constructor(session) {
    this.session = session;
    this.stage = new Stage(session, () => this.compared());
    this.toasts = new Toasts();
    this.chat = new Chat(session);
    this.panels = { chat: this.chat, people: new People(this), network: new NetworkPanel(session) };
    this.side = el('aside', { class: 'side', hidden: true });
    this.note = el('p', { class: 'lost', role: 'status', hidden: true }, 'The program on this machine does not answer; trying again. If it was stopped, start canopy join again and open the address that it prints.');
    this.sealed = el('button', { type: 'button', class: 'sealed', onclick: () => this.toggle('people') }, icon('lock'), el('span', {}));
    this.bar = new Bar(this);
    this.element = el(
      'section',
      { class: 'meeting' },
      el('header', { class: 'head' }, el('img', { src: '/icon.svg', alt: '', width: 24, height: 24 }), el('h1', {}, 'Meeting'), this.sealed),
      this.note,
      el('div', { class: 'body' }, el('div', { class: 'middle' }, this.stage.element, this.toasts.air, this.toasts.list), this.side),
      this.bar.element,
    );
    this.#on = [
      ['state', () => this.refresh()],
      ['me', () => this.refresh()],
      ['socket', () => this.refresh()],
      ['levels', () => this.stage.levels()],
      ['network', () => this.panel === 'network' && this.panels.network.refresh()],
      ['wrong', (event) => this.toasts.say(/** @type {CustomEvent} */ (event).detail)],
      ['line', (event) => this.line(/** @type {CustomEvent} */ (event).detail)],
      ['reaction', (event) => this.reaction(/** @type {CustomEvent} */ (event).detail)],
    ];
    this.#on.forEach(([name, listener]) => session.addEventListener(name, listener));
    window.addEventListener('keydown', this.#keys);
    window.addEventListener('keyup', this.#up);
    this.refresh();
  }

  refresh() {
    const { session } = this;
    const { state } = session;
    this.note.hidden = session.socket === 'open';
    if (!state) return;
    // Of a large meeting only some are shown, all are counted.
    const all = state.people.length + 1 < state.members;
    const people = all ? state.members : state.people.filter((person) => person.here).length + 1;
    const compared = this.compared().size > 0;
    this.sealed.classList.toggle('compared', compared);
    this.sealed.lastElementChild?.replaceChildren(`${people} ${people === 1 ? 'person' : 'people'} · sealed${compared ? ' · code compared' : ''}${state.locked ? ' · locked' : ''}`);
    this.stage.refresh();
    this.bar.refresh();
    if (this.panel) this.panels[this.panel].refresh();
    this.tellComings(state);
  }

  /** Says who came, left, raised a hand or knocks. @param {import('../messages.js').State} state */
  tellComings(state) {
    const now = new Map(state.people.filter((person) => person.here).map((person) => [person.id, `${nameOf(person)}${person.hand === null ? '' : '!'}`]));
    for (const [id, name] of now) {
      const before = this.#known.get(id);
      if (before === undefined && this.#known.size) announce(`${name.replace(/!$/, '')} joined`);
      if (name.endsWith('!') && before !== name) this.toasts.say(`${name.slice(0, -1)} raised a hand`);
    }
    for (const [id, name] of this.#known) if (!now.has(id)) announce(`${name.replace(/!$/, '')} left`);
    this.#known = now;
    for (const { id } of state.knocking) {
      if (!this.#knocked.has(id)) this.toasts.say(`${nameOf({ id, name: '' })} waits to be let in: see People`);
      this.#knocked.add(id);
    }
  }

  #knocked = new Set();

  /** Whose code was compared: all who were here with the code that was compared. */
  compared() {
    const { state } = this.session;
    return new Set(state?.code && state.code === this.#comparedCode ? state.people.map((person) => person.id) : []);
  }

  compare() {
    this.#comparedCode = this.session.state?.code ?? '';
    this.refresh();
  }

  /** @param {PanelName} name */
  toggle(name) {
    const before = this.panel;
    this.panel = before === name ? null : name;
    if (before === 'network' || this.panel === 'network') this.session.say({ type: 'network', wanted: this.panel === 'network' });
    this.side.hidden = this.panel === null;
    if (this.panel) {
      const panel = this.panels[this.panel];
      const close = el('button', { type: 'button', class: 'round', 'aria-label': 'Close the panel', onclick: () => this.toggle(name) }, icon('close'));
      this.side.setAttribute('aria-label', panel.title);
      this.side.replaceChildren(el('div', { class: 'top' }, el('h2', {}, panel.title), close), panel.element);
      if (this.panel === 'chat') this.unread = 0;
      panel.opened();
    } else {
      this.bar.buttons[name].focus();
    }
    this.refresh();
  }

  toggleLayout() {
    this.stage.layout = this.stage.layout === 'gallery' ? 'speaker' : 'gallery';
    this.refresh();
  }

  /** @param {import('../messages.js').Line} line */
  line(line) {
    this.chat.add(line);
    if (this.panel === 'chat' || line.from === this.session.state?.me) return;
    this.unread++;
    this.toasts.say(`${nameOf({ id: line.from, name: line.name })}: ${line.text.slice(0, 120)}`);
    this.bar.refresh();
  }

  /** @param {{ from: string, what: number }} reaction */
  reaction({ from, what }) {
    const { state, me } = this.session;
    const person = from === state?.me ? { id: from, name: me.name } : state?.people.find((other) => other.id === from);
    if (person) this.toasts.rise(REACTIONS[what] ?? '👍', nameOf(person));
  }

  help() {
    help();
  }

  /** @param {string} heading @param {string} text @param {string} yes @param {() => void} does */
  confirm(heading, text, yes, does) {
    confirm(heading, text, yes, does);
  }

  leave() {
    const organiser = this.session.state?.role === 'organiser';
    const text = organiser ? 'The others stay. While you are away nobody new is let in.' : 'You can come back with the same invite.';
    this.confirm('Leave the meeting?', text, 'Leave', () => this.session.say({ type: 'leave' }));
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const target = /** @type {HTMLElement} */ (event.target);
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === 'Escape' && !document.querySelector('dialog')) {
      if (!this.bar.reactions.hidden) this.bar.open(false);
      else if (this.panel) this.toggle(this.panel);
      return;
    }
    if (target.closest('input, textarea, select, dialog')) return;
    if (event.key === ' ') {
      if (target.closest('button, summary, [tabindex]:not(main)')) return;
      event.preventDefault();
      if (!event.repeat && this.session.me.muted) {
        this.#talks = true;
        void this.session.setMuted(false);
      }
      return;
    }
    if (event.repeat) return;
    if (/^[1-9]$/.test(event.key)) {
      const tile = [...this.stage.list.children][Number(event.key) - 1];
      const id = tile instanceof HTMLElement ? tile.dataset.id : null;
      if (id) this.stage.pin(id);
      return;
    }
    const button = Object.values(this.bar.buttons).find((one) => one.dataset.key && one.dataset.key === event.key.toUpperCase());
    if (button && !button.disabled) {
      event.preventDefault();
      button.click();
    }
  }

  /** @param {KeyboardEvent} event */
  keyUp(event) {
    if (event.key === ' ' && this.#talks) {
      this.#talks = false;
      void this.session.setMuted(true);
    }
  }

  close() {
    this.stage.close();
    this.#on.forEach(([name, listener]) => this.session.removeEventListener(name, listener));
    window.removeEventListener('keydown', this.#keys);
    window.removeEventListener('keyup', this.#up);
  }
}
