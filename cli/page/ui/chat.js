// @ts-check
// The chat. Lines are text: links are not followed, markup is not read.

import { el, icon } from '../dom.js';
import { nameOf } from '../names.js';

const TIME = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });

export class Chat {
  title = 'Chat';

  /** @param {import('../session.js').Session} session */
  constructor(session) {
    this.session = session;
    this.list = el('ol', { class: 'lines', role: 'log', 'aria-label': 'Chat', tabindex: 0 });
    this.empty = el('p', { class: 'note' }, 'Sealed to whoever is here: not even the relays can read it. Whoever joins later sees what follows.');
    this.input = el('textarea', { rows: 1, maxlength: 1000, 'aria-label': 'Write to everybody', placeholder: 'Write to everybody' });
    this.input.addEventListener('keydown', (event) => {
      if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) {
        event.preventDefault();
        this.send();
      }
    });
    this.element = el(
      'div',
      { class: 'chat' },
      this.empty,
      this.list,
      el('form', { class: 'write', onsubmit: (/** @type {Event} */ event) => (event.preventDefault(), this.send()) }, this.input, el('button', { type: 'submit', class: 'round', 'aria-label': 'Send' }, icon('send'))),
    );
    session.lines.forEach((line) => this.add(line));
  }

  send() {
    const text = this.input.value.trim();
    if (text) this.session.say({ type: 'say', text });
    this.input.value = '';
  }

  /** @param {import('../messages.js').Line} line */
  add(line) {
    const own = line.from === this.session.state?.me;
    const atEnd = this.list.scrollHeight - this.list.scrollTop - this.list.clientHeight < 60;
    const at = new Date(line.atMs);
    this.list.append(
      el(
        'li',
        { class: own ? 'own' : '' },
        el('div', { class: 'from' }, el('bdi', {}, own ? 'You' : nameOf({ id: line.from, name: line.name })), ' ', el('time', { datetime: at.toISOString() }, TIME.format(at))),
        el('div', { class: 'text', dir: 'auto' }, line.text),
      ),
    );
    while (this.list.childElementCount > 500) this.list.firstElementChild?.remove();
    if (atEnd || own) this.list.scrollTop = this.list.scrollHeight;
  }

  opened() {
    this.list.scrollTop = this.list.scrollHeight;
    this.input.focus();
  }

  refresh() {}
}
