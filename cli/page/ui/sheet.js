// @ts-check
// Dialogs: help, and questions before what can't be taken back.

import { el } from '../dom.js';

const KEYS = [
  ['M', 'Mute or unmute'],
  ['Space', 'Hold to speak while muted'],
  ['V', 'Camera on or off'],
  ['S', 'Share the screen, or stop'],
  ['H', 'Raise or lower your hand'],
  ['R', 'React'],
  ['G', 'Everybody alike, or the speaker large'],
  ['C', 'Chat'],
  ['P', 'People and verification code'],
  ['N', 'Why is it like this?'],
  ['1 – 9', 'Pin a tile, or unpin it'],
  ['Esc', 'Close what is open'],
  ['?', 'This sheet'],
];

/** @param {HTMLElement} content @param {string} label */
function open(content, label) {
  const dialog = el('dialog', { 'aria-label': label }, content);
  document.getElementById('sheet')?.replaceChildren(dialog);
  dialog.addEventListener('close', () => dialog.remove());
  dialog.addEventListener('click', (event) => event.target === dialog && dialog.close());
  dialog.showModal();
  return dialog;
}

export function help() {
  const close = el('button', { type: 'button', class: 'primary' }, 'Close');
  const dialog = open(
    el(
      'div',
      { class: 'sheet' },
      el('h2', {}, 'Keys'),
      el('dl', { class: 'keys' }, ...KEYS.map(([key, what]) => el('div', {}, el('dt', {}, el('kbd', {}, key)), el('dd', {}, what)))),
      el('p', { class: 'note' }, 'Double-click a tile to pin it. A green ring means that somebody speaks.'),
      close,
    ),
    'Help and keys',
  );
  close.onclick = () => dialog.close();
}

/** @param {string} heading @param {string} text @param {string} yes @param {() => void} does */
export function confirm(heading, text, yes, does) {
  const no = el('button', { type: 'button' }, 'Cancel');
  const go = el('button', { type: 'button', class: 'danger' }, yes);
  const dialog = open(el('div', { class: 'sheet' }, el('h2', {}, heading), el('p', {}, text), el('div', { class: 'answers' }, no, go)), heading);
  no.onclick = () => dialog.close();
  go.onclick = () => {
    dialog.close();
    does();
  };
}
