// @ts-check
// What a volunteer's machine lends, to how many, and how much of it is used.

import { el } from './dom.js';
import { token } from './token.js';
import { rate } from './units.js';

/** @typedef {import('./relay-messages.js').Lent} Lent */

const AGAIN_MS = 1_000;
const app = /** @type {HTMLElement} */ (document.getElementById('app'));
const key = token();
/** @type {WebSocket | null} */
let socket = null;
let over = false;

/** @param {number} bytes */
const amount = (bytes) => (bytes >= 1e9 ? `${(bytes / 1e9).toFixed(2)} GB` : `${(bytes / 1e6).toFixed(1)} MB`);

/** @param {number} ms */
function span(ms) {
  const minutes = Math.max(0, Math.round(ms / 60_000));
  return minutes >= 60 ? `${Math.floor(minutes / 60)} h ${minutes % 60} min` : `${minutes} min`;
}

const words = el('p', { class: 'words', role: 'status' });
const use = el('i');
const facts = el('dl', { class: 'facts' });
const leases = el('div', { class: 'leases' });
const note = el('p', { class: 'note' });
const give = el('section', { 'aria-label': 'Lease lines' }, note, leases);
const pause = el('button', { type: 'button', onclick: () => say({ type: 'pause', paused: pause.getAttribute('aria-pressed') !== 'true' }) });
const drain = el('button', { type: 'button', class: 'danger', onclick: () => say({ type: 'drain' }) }, 'Finish: hand over and stop');

app.replaceChildren(
  el(
    'section',
    { class: 'relay' },
    el(
      'div',
      { class: 'card' },
      el('div', { class: 'brand' }, el('img', { src: '/icon.svg', alt: '', width: 36, height: 36 }), 'Canopy relay'),
      el('h1', {}, 'Thank you for lending'),
      words,
      el('div', { class: 'use' }, use),
      facts,
      give,
      el('div', { class: 'answers' }, pause, drain),
    ),
    el('p', { class: 'note' }, 'What passes here is sealed: this machine can’t open it, and learns neither names nor what is said.'),
  ),
);

/** @param {import('./relay-messages.js').ToRelay} message */
function say(message) {
  if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
}

/** @param {string} line */
function lease(line) {
  const copy = el('button', { type: 'button', class: 'primary', onclick: () => void navigator.clipboard.writeText(line).then(() => (copy.textContent = 'Copied')) }, 'Copy the lease line');
  return el('div', { 'data-line': line }, el('div', { class: 'lease', tabindex: 0 }, line), copy);
}

/**
 * Takes away those that are claimed, and leaves the others as they are: one may be selected.
 * @param {string[]} lines
 */
function giveLines(lines) {
  note.textContent =
    lines.length === 1
      ? 'Send this line to one organiser, in an encrypted chat. The first meeting that claims it has it.'
      : 'Send each line to another organiser, in an encrypted chat. The first meeting that claims one has it.';
  for (const old of [...leases.children]) if (!lines.includes(old.getAttribute('data-line') ?? '')) old.remove();
  const there = [...leases.children].map((child) => child.getAttribute('data-line'));
  leases.append(...lines.filter((line) => !there.includes(line)).map(lease));
  give.hidden = lines.length === 0;
}

/** @param {Lent} lent */
function useOf({ lines, meetings }) {
  const claimed = meetings - lines.length;
  if (meetings > 1 && claimed > 0) return `Claimed by ${claimed} of ${meetings} meetings.`;
  return claimed > 0 ? 'A meeting uses this relay.' : 'No meeting has claimed this relay yet.';
}

/** @param {Lent} lent */
function show(lent) {
  words.textContent = lent.draining
    ? 'Handing over: those who were fed from here are going elsewhere.'
    : lent.paused
      ? 'Paused: nobody new is fed from here, and the planner moves the others.'
      : useOf(lent);
  use.style.setProperty('--use', `${Math.min(100, (100 * lent.outKbps) / Math.max(1, lent.limitKbps))}%`);
  const fact = (/** @type {string} */ name, /** @type {string} */ value) => el('div', {}, el('dt', {}, name), el('dd', {}, value));
  facts.replaceChildren(
    fact('lent', rate(lent.limitKbps)),
    fact('sent now', rate(lent.outKbps)),
    fact('received now', rate(lent.inKbps)),
    fact('nodes fed', String(lent.children)),
    fact('sent so far', amount(lent.sentBytes)),
    fact('highest second', rate(lent.peakKbps)),
    fact('dropped, too late', String(lent.dropped)),
    fact('time left', span(lent.endsMs - Date.now())),
  );
  giveLines(lent.lines);
  pause.textContent = lent.paused ? 'Lend again' : 'Pause';
  pause.setAttribute('aria-pressed', String(lent.paused));
  pause.disabled = lent.draining;
  drain.disabled = lent.draining;
}

function open() {
  const attempt = new WebSocket(`ws://${location.host}/socket`, ['canopy.1', `token.${key}`]);
  socket = attempt;
  attempt.onmessage = ({ data }) => {
    /** @type {import('./relay-messages.js').FromRelay} */
    const message = JSON.parse(data);
    if (message.type === 'lent') return show(message);
    over = true;
    words.textContent = message.text;
  };
  attempt.onclose = ({ code }) => {
    if (over) return;
    words.textContent = code === 4001 ? 'This page is open in another tab.' : 'The program on this machine does not answer.';
    if (code !== 4001) setTimeout(open, AGAIN_MS);
  };
}

open();
