// @ts-check
// The verification code, and what has changed since this person saw it last.

import { el, icon } from '../dom.js';
import { nameOf } from '../names.js';

/** Names that are listed in a change; of more it says how many. */
const NAMED_MAX = 6;

/** @typedef {{ code: string, members: number, people: Map<string, string> }} Seen */

export class Code {
  /** @type {Seen | null} what the panel showed last */
  #last = null;
  /** @type {Seen | null} what it is compared with */
  #base = null;

  /** @param {import('./meeting.js').Meeting} meeting */
  constructor(meeting) {
    this.meeting = meeting;
    this.code = el('output', { class: 'code', 'aria-label': 'Verification code' });
    this.changes = el('p', { class: 'changes', role: 'status', hidden: true });
    this.compared = el('button', { type: 'button', class: 'small', onclick: () => this.compare() });
    this.element = el(
      'section',
      { class: 'verify', 'aria-labelledby': 'verify' },
      el('h3', { id: 'verify' }, 'Is everybody who they say?'),
      el('p', { class: 'note' }, 'Read these digits to each other. They are the same for everybody, and change when people come or go.'),
      this.code,
      this.changes,
      this.compared,
    );
  }

  compare() {
    this.#base = this.#last;
    this.meeting.compare();
  }

  opened() {
    this.#base = this.#last;
  }

  refresh() {
    const { state } = this.meeting.session;
    if (!state) return;
    const of = this.meeting.compared();
    const compared = state.people.every((person) => of.has(person.id)) && state.people.length > 0;
    this.code.replaceChildren(...(state.code ?? '').split(' ').map((group) => el('span', {}, group)));
    this.compared.disabled = compared;
    this.compared.replaceChildren(...(compared ? [icon('check'), 'Compared'] : ['We compared it: it is the same']));
    if (!state.code) return;
    this.#last = { code: state.code, members: state.members, people: new Map(state.people.map((person) => [person.id, nameOf(person)])) };
    this.#base ??= this.#last;
    const words = this.#base.code === state.code ? '' : changed(this.#base, this.#last);
    this.changes.hidden = !words;
    if (this.changes.textContent !== words) this.changes.textContent = words;
  }
}

/** What happened between two codes, in words. @param {Seen} before @param {Seen} now */
function changed(before, now) {
  const came = [...now.people].filter(([id]) => !before.people.has(id)).map(([, name]) => name);
  const went = [...before.people].filter(([id]) => !now.people.has(id)).map(([, name]) => name);
  // Of a large meeting not everybody who comes or goes is known here.
  const counted = `${before.members} people then, ${now.members} now`;
  const parts = [came.length && `${list(came)} joined`, went.length && `${list(went)} left`];
  const said = parts.filter(Boolean).join('; ');
  return `Another code than you saw last: ${said || (before.members === now.members ? 'somebody came back, or went and another came' : counted)}.`;
}

/** @param {string[]} names */
function list(names) {
  const some = names.slice(0, NAMED_MAX);
  const more = names.length - some.length;
  return more ? `${some.join(', ')} and ${more} more` : some.join(', ');
}
