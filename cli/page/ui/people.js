// @ts-check
// Who is here, the verification code, and what the organiser can do.

import { el, icon } from '../dom.js';
import { ROLES, hue, initials, nameOf } from '../names.js';

export class People {
  title = 'People';
  #shown = '';

  /** @param {import('./meeting.js').Meeting} meeting */
  constructor(meeting) {
    this.meeting = meeting;
    this.session = meeting.session;
    this.code = el('output', { class: 'code', 'aria-label': 'Verification code' });
    this.compared = el('button', { type: 'button', class: 'small', onclick: () => this.compare() });
    this.knocking = el('ul', { class: 'knocking', 'aria-label': 'Waiting to be let in' });
    this.list = el('ul', { class: 'people' });
    this.host = el('div', { class: 'host' });
    this.element = el(
      'div',
      {},
      el(
        'section',
        { class: 'verify', 'aria-labelledby': 'verify' },
        el('h3', { id: 'verify' }, 'Is everybody who they say?'),
        el('p', { class: 'note' }, 'Read these digits to each other. They are the same for everybody, and change when people come or go.'),
        this.code,
        this.compared,
      ),
      this.knocking,
      this.list,
      this.host,
    );
  }

  compare() {
    this.meeting.verify();
    this.refresh();
  }

  opened() {
    this.refresh();
  }

  refresh() {
    const { state, me } = this.session;
    if (!state) return;
    const verified = this.meeting.verified();
    const now = JSON.stringify([state, me, [...verified]]);
    if (now === this.#shown) return;
    this.#shown = now;
    this.code.replaceChildren(...(state.code ?? '').split(' ').map((group) => el('span', {}, group)));
    const compared = state.people.every((person) => verified.has(person.id)) && state.people.length > 0;
    this.compared.disabled = compared;
    this.compared.replaceChildren(...(compared ? [icon('check'), 'Compared'] : ['We compared it: it is the same']));
    const organiser = state.role === 'organiser';
    const own = { ...me, id: state.me, role: state.role, here: true, hand: me.hand ? 0 : null };
    const hands = state.people.filter((person) => person.hand !== null).sort((a, b) => Number(a.hand) - Number(b.hand));
    const others = state.people.filter((person) => person.hand === null).sort((a, b) => nameOf(a).localeCompare(nameOf(b)));
    this.list.replaceChildren(...[own, ...hands, ...others].map((person) => this.row(person, person === own, organiser || state.runs, verified.has(person.id))));
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
   * @param {any} person @param {boolean} own @param {boolean} removes @param {boolean} verified
   */
  row(person, own, removes, verified) {
    const name = nameOf(person);
    const says = [/** @type {any} */ (ROLES)[person.role], !person.here && 'in the lobby', person.sharing && 'shares the screen', verified && 'code compared'].filter(Boolean).join(' · ');
    const avatar = el('span', { class: 'avatar', 'aria-hidden': 'true' }, initials(name));
    avatar.style.setProperty('--hue', String(hue(person.id)));
    return el(
      'li',
      {},
      avatar,
      el('span', { class: 'who' }, el('bdi', {}, own ? `${name} (you)` : name), says && el('small', {}, says)),
      person.hand !== null && el('span', { class: 'sign hand', role: 'img', 'aria-label': 'Hand raised' }, icon('hand')),
      el('span', { class: 'sign', role: 'img', 'aria-label': person.muted ? 'Muted' : 'Not muted' }, icon(person.muted ? 'micOff' : 'mic')),
      el('span', { class: 'sign', role: 'img', 'aria-label': person.camera ? 'Camera on' : 'Camera off' }, icon(person.camera ? 'camera' : 'cameraOff')),
      removes && !own && el('button', { type: 'button', class: 'small', onclick: () => this.remove(person) }, 'Remove', el('span', { class: 'unseen' }, ` ${name}`)),
    );
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
