// @ts-check
// Before the meeting: see and hear oneself, choose devices and a name, and learn how far the node has come.

import { el, icon } from '../dom.js';
import { Lending } from './lending.js';

const NAME = 'canopy.name';

export class Lobby {
  #timer = 0;
  #asked = false;
  /** @type {[string, EventListener][]} */
  #on;

  /** @param {import('../session.js').Session} session @param {() => Promise<void>} join */
  constructor(session, join) {
    this.session = session;
    this.video = el('video', { autoplay: true, muted: true, playsinline: true, 'aria-label': 'Preview of your camera' });
    this.video.muted = true;
    this.blank = el('div', { class: 'blank' }, icon('cameraOff'), el('span', {}, 'Your camera is off'));
    this.meter = el('div', { class: 'meter', role: 'meter', 'aria-label': 'Microphone level', 'aria-valuemin': 0, 'aria-valuemax': 100, 'aria-valuenow': 0 }, el('i'));
    this.mic = el('button', { class: 'round', type: 'button', onclick: () => void session.setMuted(!session.me.muted) });
    this.camera = el('button', { class: 'round', type: 'button', onclick: () => void session.setCamera(!session.me.camera) });
    this.name = el('input', { id: 'name', maxlength: 40, autocomplete: 'name', placeholder: 'How others see you', value: localStorage.getItem(NAME) ?? '' });
    this.words = el('p', { class: 'words', role: 'status' });
    this.trouble = el('p', { class: 'trouble', role: 'alert' });
    this.button = el('button', { class: 'primary large', type: 'submit', disabled: true }, 'Join the meeting');
    this.lending = new Lending(session);
    this.choices = el('div', { class: 'choices' });
    const form = el(
      'form',
      {
        class: 'card',
        onsubmit: (/** @type {Event} */ event) => {
          event.preventDefault();
          session.me.name = this.name.value;
          localStorage.setItem(NAME, this.name.value);
          this.button.disabled = true;
          void join();
        },
      },
      el('div', { class: 'brand' }, el('img', { src: '/icon.svg', alt: '', width: 36, height: 36 }), el('span', {}, 'Canopy')),
      el('h1', {}, 'Ready to join?'),
      el('label', { for: 'name' }, 'Your name'),
      this.name,
      this.choices,
      this.lending.element,
      this.button,
      this.words,
      this.trouble,
    );
    this.element = el(
      'section',
      { class: 'lobby', 'aria-label': 'Before the meeting' },
      el('div', { class: 'preview' }, this.video, this.blank, el('div', { class: 'controls' }, this.mic, this.meter, this.camera)),
      form,
      el('p', { class: 'promise' }, icon('lock'), 'What you say and show is sealed on this machine. Whoever carries it can’t open it.'),
    );
    this.#on = [
      ['state', () => (this.refresh(), void this.devices())],
      ['socket', () => this.refresh()],
      ['me', () => this.refresh()],
      ['wrong', (event) => (this.trouble.textContent = /** @type {CustomEvent} */ (event).detail)],
    ];
    this.#on.forEach(([name, listener]) => session.addEventListener(name, listener));
    this.#timer = window.setInterval(() => this.level(), 100);
    this.refresh();
    void this.devices();
  }

  /** Asks for both devices, once it is known that anything is to be sent; what isn't given is left off. */
  async devices() {
    const { session } = this;
    if (this.#asked || !session.state?.largest) return;
    this.#asked = true;
    await session.setCamera(true);
    const trouble = await session.openMicrophone();
    if (trouble) this.trouble.textContent = trouble;
    session.sound.resume();
    // Whoever came in before the browser gave the microphone came in muted, and stays so.
    if (!session.inside) await session.setMuted(session.devices.microphone === null);
    this.refresh();
    // For tests, and for whoever styles it: the devices are open, or can't be.
    this.element.dataset.settled = '';
    await this.choose();
  }

  async choose() {
    const { devices } = this.session;
    /** @type {[MediaDeviceKind, 'camera' | 'microphone' | 'speaker', string][]} */
    const kinds = [
      ['videoinput', 'camera', 'Camera'],
      ['audioinput', 'microphone', 'Microphone'],
      ['audiooutput', 'speaker', 'Speaker'],
    ];
    const rows = await Promise.all(
      kinds.map(async ([kind, key, label]) => {
        const list = await devices.list(kind);
        if (list.length < 2) return null;
        const select = el('select', {
          id: key,
          onchange: () => {
            devices.like(key, select.value);
            void (key === 'speaker' ? this.session.sound.speaker(select.value) : this.session.reopen(key));
          },
        });
        select.append(...list.map((device) => el('option', { value: device.deviceId, selected: device.deviceId === devices.liked[key] }, device.label || label)));
        return el('div', {}, el('label', { for: key }, label), select);
      }),
    );
    this.choices.replaceChildren(...rows.filter((row) => row !== null));
  }

  level() {
    const percent = Math.round(Math.min(1, this.session.sound.level * 1.6) * 100);
    /** @type {HTMLElement} */ (this.meter.firstElementChild).style.setProperty('--level', `${percent}%`);
    this.meter.setAttribute('aria-valuenow', String(percent));
  }

  refresh() {
    const { session } = this;
    const { me, state } = session;
    const listens = session.state?.largest === 0;
    this.mic.disabled = listens;
    this.camera.disabled = listens;
    const stream = session.devices.camera;
    if (this.video.srcObject !== stream) this.video.srcObject = stream;
    this.video.hidden = !stream;
    this.blank.hidden = stream !== null;
    this.mic.replaceChildren(icon(me.muted ? 'micOff' : 'mic'));
    this.mic.setAttribute('aria-label', me.muted ? 'Join muted; click to unmute' : 'Join unmuted; click to mute');
    this.mic.setAttribute('aria-pressed', String(me.muted));
    this.camera.replaceChildren(icon(me.camera ? 'camera' : 'cameraOff'));
    this.camera.setAttribute('aria-label', me.camera ? 'Turn the camera off' : 'Turn the camera on');
    this.camera.setAttribute('aria-pressed', String(!me.camera));
    if (!this.name.value && state?.mine.name) this.name.value = state.mine.name;
    const ready = session.socket === 'open' && state !== null && state.phase !== 'waiting';
    this.button.disabled = !ready || session.inside;
    this.lending.refresh();
    this.words.textContent = this.status();
    this.words.classList.toggle('waiting', !ready);
  }

  status() {
    const { session } = this;
    const { state } = session;
    if (session.socket !== 'open') return 'Waiting for the program on this machine. If it was stopped, start canopy join again and open the address that it prints.';
    if (!state) return 'One moment…';
    if (state.phase === 'waiting') return `${capital(state.words)}. This can take a moment; ask the organiser whether the meeting runs.`;
    const inside = state.people.filter((person) => person.here).length;
    if (state.phase === 'meeting') return 'You are in this meeting already; come back in.';
    return inside === 0 ? 'Nobody else is here yet.' : inside === 1 ? 'One person is here.' : `${inside} people are here.`;
  }

  close() {
    window.clearInterval(this.#timer);
    this.#on.forEach(([name, listener]) => this.session.removeEventListener(name, listener));
    this.video.srcObject = null;
  }
}

/** @param {string} text */
const capital = (text) => text.charAt(0).toLocaleUpperCase() + text.slice(1);
