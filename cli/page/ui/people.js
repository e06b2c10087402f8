// @ts-check
// Who is here, the verification code, and what the organiser can do.

import { el, icon } from '../dom.js';
import { ROLES, hue, initials, nameOf } from '../names.js';
import { Code } from './code.js';
import { Everybody } from './everybody.js';

export class People {
  title = 'People';
  #shown = '';

  /** @param {import('./meeting.js').Meeting} meeting */
  constructor(meeting) {
    this.meeting = meeting;
    this.session = meeting.session;
    this.code = new Code(meeting);
    this.everybody = new Everybody(meeting.session, (person) => this.listed(person));
    this.knocking = el('ul', { class: 'knocking', 'aria-label': 'Waiting to be let in' });
    this.list = el('ul', { class: 'people' });
    this.host = el('div', { class: 'host' });
    this.element = el(
      'div',
      {},
      this.code.element,
      this.knocking,
      this.list,
      this.host,
      this.everybody.element,
    );
  }

  opened() {
    this.code.opened();
    this.#shown = '';
    this.refresh();
  }

  refresh() {
    const { state, me } = this.session;
    if (!state) return;
    const compared = this.meeting.compared();
    const now = JSON.stringify([state, me, [...compared]]);
    if (now === this.#shown) return;
    this.#shown = now;
    this.code.refresh();
    this.everybody.refresh();
    const organiser = state.role === 'organiser';
    const own = { ...me, id: state.me, role: state.role, here: true, hand: me.hand ? 0 : null };
    const hands = state.people.filter((person) => person.hand !== null).sort((a, b) => Number(a.hand) - Number(b.hand));
    const others = state.people.filter((person) => person.hand === null).sort((a, b) => nameOf(a).localeCompare(nameOf(b)));
    this.list.replaceChildren(...[own, ...hands, ...others].map((person) => this.row(person, person === own, organiser || state.role === 'coHost' || state.role === 'deputy', organiser || state.runs, compared.has(person.id))));
    this.knocking.replaceChildren(
      ...state.knocking.map(({ id, how }) =>
        el(
          'li',
          {},
          el('span', {}, `${nameOf({ id, name: '' })} waits to be let in, ${how}`),
          el('button', { type: 'button', class: 'small primary', onclick: () => this.session.say({ type: 'decide', who: id, admit: true }) }, 'Let in'),
          el('button', { type: 'button', class: 'small', onclick: () => this.session.say({ type: 'decide', who: id, admit: false }) }, 'Turn away'),
        ),
      ),
    );
    this.host.hidden = !organiser && !state.runs;
    if (organiser || state.runs) this.controls(state, organiser);
  }

  /**
   * @param {any} person @param {boolean} own @param {boolean} hosts @param {boolean} removes @param {boolean} compared
   */
  row(person, own, hosts, removes, compared) {
    const name = nameOf(person);
    const says = [/** @type {any} */ (ROLES)[person.role], !person.here && 'in the lobby', person.sharing && 'shares the screen', person.pinned && 'pinned', compared && 'code compared'].filter(Boolean).join(' · ');
    return el(
      'li',
      {},
      portrait(person),
      el('span', { class: 'who' }, el('bdi', {}, own ? `${name} (you)` : name), says && el('small', {}, says)),
      person.hand !== null && el('span', { class: 'sign hand', role: 'img', 'aria-label': 'Hand raised' }, icon('hand')),
      el('span', { class: 'sign', role: 'img', 'aria-label': person.muted ? 'Muted' : 'Not muted' }, icon(person.muted ? 'micOff' : 'mic')),
      el('span', { class: 'sign', role: 'img', 'aria-label': person.camera ? 'Camera on' : 'Camera off' }, icon(person.camera ? 'camera' : 'cameraOff')),
      hosts && !own && this.pin(person),
      removes && !own && this.removal(person),
    );
  }

  /** Somebody on a page of everybody. @param {import('../messages.js').Listed} person */
  listed(person) {
    const { state } = this.session;
    const own = person.id === state?.me;
    const name = nameOf(person);
    const says = /** @type {any} */ (ROLES)[person.role];
    const removes = !own && (state?.role === 'organiser' || state?.runs);
    return el(
      'li',
      {},
      portrait(person),
      el('span', { class: 'who' }, el('bdi', {}, own ? `${name} (you)` : name), says && el('small', {}, says)),
      removes && this.removal(person),
    );
  }

  /** In a crowded meeting not everybody has a place on the stage. @param {import('../messages.js').Person} person */
  pin(person) {
    const { id, pinned } = person;
    return el('button', { type: 'button', class: 'small', 'aria-pressed': String(pinned), onclick: () => this.session.say({ type: 'pin', who: id, pinned: !pinned }) }, pinned ? 'Unpin' : 'Pin', el('span', { class: 'unseen' }, ` ${nameOf(person)}`));
  }

  /** @param {import('../messages.js').Listed} person */
  removal(person) {
    return el('button', { type: 'button', class: 'small', onclick: () => this.remove(person) }, 'Remove', el('span', { class: 'unseen' }, ` ${nameOf(person)}`));
  }

  /** @param {any} person */
  remove(person) {
    const name = nameOf(person);
    this.meeting.confirm(`Remove ${name}?`, 'They are shut out for good: within two seconds what is sent is sealed with keys that they don’t have.', 'Remove', () =>
      this.session.say({ type: 'remove', who: person.id }),
    );
  }

  /** @param {import('../messages.js').State} state @param {boolean} organiser */
  controls(state, organiser) {
    const lock = el('button', { type: 'button', 'aria-pressed': String(state.locked), onclick: () => this.session.say({ type: 'lock', locked: !state.locked }) }, icon('lock'), state.locked ? 'Unlock the meeting' : 'Lock the meeting');
    if (!organiser) return this.host.replaceChildren(el('h3', {}, 'You run the meeting for now'), lock);
    return this.host.replaceChildren(
      el('h3', {}, 'As the organiser'),
      el('button', { type: 'button', onclick: () => this.session.say({ type: 'muteAll' }) }, icon('micOff'), 'Mute everybody'),
      lock,
      el(
        'button',
        {
          type: 'button',
          class: 'danger',
          onclick: () => this.meeting.confirm('End the meeting for everybody?', 'Everybody leaves. Invites stay good: you can hold it again.', 'End it', () => this.session.say({ type: 'end' })),
        },
        icon('leave'),
        'End for everybody',
      ),
    );
  }
}

/** @param {{ id: string, name: string }} person */
function portrait(person) {
  const avatar = el('span', { class: 'avatar', 'aria-hidden': 'true' }, initials(nameOf(person)));
  avatar.style.setProperty('--hue', String(hue(person.id)));
  return avatar;
}
