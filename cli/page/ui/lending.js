// @ts-check
// Whether this computer passes on what others send: asked once, and a switch from then on.

import { el } from '../dom.js';
import { rate } from '../units.js';

const MEANS = 'this computer passes other people’s sealed sound and video on, and sends more data for it. It can’t see or hear it.';

export class Lending {
  /** @param {import('../session.js').Session} session */
  constructor(session) {
    this.session = session;
    this.switch = el(
      'button',
      { type: 'button', class: 'switch', role: 'switch', 'aria-describedby': 'lending-means lending-now', onclick: () => this.answer(this.switch.getAttribute('aria-checked') !== 'true') },
      el('span', {}, 'Help carry the meeting'),
      el('i', { 'aria-hidden': 'true' }),
    );
    this.question = el('p', { class: 'question' }, 'May this computer help carry the meeting?');
    this.means = el('p', { class: 'note', id: 'lending-means' });
    this.now = el('p', { class: 'note', id: 'lending-now' });
    this.answers = el(
      'div',
      { class: 'answers' },
      el('button', { type: 'button', class: 'small', onclick: () => this.answer(true) }, 'Yes, pass it on'),
      el('button', { type: 'button', class: 'small', onclick: () => this.answer(false) }, 'No, only what is mine'),
    );
    this.element = el('div', { class: 'lending', role: 'group', 'aria-label': 'Help carry the meeting' }, this.question, this.switch, this.means, this.now, this.answers);
    this.refresh();
  }

  /** @param {boolean} on */
  answer(on) {
    this.session.say({ type: 'lend', on });
  }

  /** @param {string} [cost] what others' media costs now, where that is known */
  refresh(cost) {
    const { state, socket } = this.session;
    this.element.hidden = state === null;
    if (!state) return;
    const { may, word } = state.lending;
    const asks = word === 'unasked';
    const open = socket === 'open';
    this.element.classList.toggle('asks', asks);
    this.means.textContent = `${asks ? 'If so' : 'When on'}, ${MEANS}`;
    this.question.hidden = !asks;
    this.switch.hidden = asks;
    if (!asks && this.answers.contains(document.activeElement)) this.switch.focus();
    this.answers.hidden = !asks;
    for (const answer of this.answers.querySelectorAll('button')) answer.disabled = !open;
    this.switch.setAttribute('aria-checked', String(may !== 'nothing'));
    this.switch.disabled = !open || word === 'hidden';
    this.now.textContent = says(state.lending, cost);
  }
}

/** @param {import('../messages.js').Lending} lending @param {string} [cost] */
function says({ may, word }, cost) {
  if (word === 'unasked') return 'Until you say yes it sends only what is yours.';
  if (word === 'hidden') return 'Off: your address is hidden, so nobody can reach this computer.';
  const only = word === 'typed' ? ' For this meeting only.' : '';
  if (may === 'nothing') return `Off: it sends only what is yours.${only}${cost ? ` What hung on it is moving elsewhere: ${cost} left.` : ''}`;
  const most = may === 'spare' ? 'with the uplink that your own sound and video leave' : `up to ${rate(may.upTo)}`;
  return `On, ${most}.${only}${cost ? ` Now: ${cost}.` : ''}`;
}
