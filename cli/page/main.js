// @ts-check
// The page: lobby, then meeting, then a farewell.

import { el } from './dom.js';
import { Session } from './session.js';
import { Lobby } from './ui/lobby.js';
import { Meeting } from './ui/meeting.js';

const app = /** @type {HTMLElement} */ (document.getElementById('app'));
const session = new Session();
/** @type {Lobby | Meeting | null} */
let view = null;

/** @param {HTMLElement} element @param {string} title */
function show(element, title) {
  app.replaceChildren(element);
  document.title = title;
}

/** @param {string} heading @param {string} text @param {Node[]} more */
function farewell(heading, text, ...more) {
  view?.close();
  view = null;
  show(el('section', { class: 'plain' }, el('h1', {}, heading), el('p', {}, text), ...more), 'Canopy');
}

function lobby() {
  const shown = new Lobby(session, async () => {
    await session.join();
    view?.close();
    const meeting = new Meeting(session);
    view = meeting;
    show(meeting.element, 'Meeting – Canopy');
  });
  view = shown;
  show(shown.element, 'Canopy');
}

session.addEventListener('over', () => farewell('Goodbye', session.over ?? ''));
session.addEventListener('socket', () => {
  if (session.socket === 'replaced') {
    const again = el('button', { class: 'primary', onclick: () => location.reload() }, 'Use it here');
    farewell('The meeting is open in another tab', 'One tab at a time: the newest has it. This one is at rest.', again);
  }
});

lobby();

/** @type {string[]} what this page's own code did wrong: there should be none */
const faults = [];
window.addEventListener('error', ({ message }) => faults.push(message));
window.addEventListener('unhandledrejection', ({ reason }) => faults.push(String(reason?.stack ?? reason)));

// Read-only, for tests and for whoever wants to know.
Object.assign(window, {
  canopy: {
    stats: async () => ({
      ...(/** @type {any} */ (await session.stats())),
      faults,
      way: session.pictures.way,
      gaps: session.sound.gaps,
      heard: Object.fromEntries(session.spoke),
      state: session.state,
      lines: session.lines,
      socket: session.socket,
    }),
    drop: () => session.worker.postMessage({ type: 'drop' }),
  },
});
