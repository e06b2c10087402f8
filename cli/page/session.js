// @ts-check
// This tab's end of the meeting: what the node said last, what this person does, and the media of both.

import { Devices } from './media/devices.js';
import { Pictures } from './media/pictures.js';
import { Sound } from './media/sound.js';
import { token } from './token.js';
import { script } from './trusted.js';

/** @typedef {import('./messages.js').ToNode} ToNode */
/** @typedef {import('./messages.js').ToPage} ToPage */
/** @typedef {import('./messages.js').State} State */
/** @typedef {import('./messages.js').Line} Line */
/** @typedef {import('./messages.js').Network} Network */

/** Louder than this counts as speaking, and for so long after, in milliseconds. */
const SPEAKS = 0.04;
const SPEAKS_FOR = 700;
/** Lines of chat that are kept, as many as the node keeps. */
const LINES_MAX = 500;

/**
 * Events: `state`, `line`, `reaction`, `wrong`, `over`, `socket`, `network`, `levels`, `me`, `page`.
 */
export class Session extends EventTarget {
  worker = new Worker(script('/media/worker.js'), { type: 'module' });
  sound = new Sound(this.worker);
  devices = new Devices();
  pictures = new Pictures(this.worker, new URLSearchParams(location.search).get('capture'));
  /** @type {State | null} */
  state = null;
  /** @type {Line[]} */
  lines = [];
  /** @type {Network | null} */
  network = null;
  /** 'lost', 'open', 'replaced' or 'over' */
  socket = 'lost';
  /** @type {string | null} */
  over = null;
  inside = false;
  me = { name: '', muted: true, camera: false, sharing: false, hand: false };
  /** @type {Map<string, number>} when each source was last heard, on performance's clock */
  spoke = new Map();
  #asked = 0;
  /** @type {Map<number, (stats: any) => void>} */
  #waiting = new Map();

  constructor() {
    super();
    this.worker.onmessage = ({ data }) => this.#hear(data);
    this.sound.onlevels = () => this.#levels();
    const url = `ws://${location.host}/socket`;
    this.worker.postMessage({ type: 'open', url, token: token() });
  }

  /** @param {string} name @param {any} [detail] */
  #tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }

  /** @param {ToNode} message */
  say(message) {
    this.worker.postMessage({ type: 'text', text: JSON.stringify(message) });
  }

  /** @param {any} data */
  #hear(data) {
    if (data.type === 'said') return this.#said(data.message);
    if (data.type === 'socket') {
      this.socket = data.state;
      return this.#tell('socket');
    }
    if (data.type === 'stats') {
      this.#waiting.get(data.id)?.(data.stats);
      this.#waiting.delete(data.id);
    }
    if (data.type === 'failed') this.#tell('wrong', data.text);
  }

  /** @param {ToPage} message */
  #said(message) {
    switch (message.type) {
      case 'state':
        return this.#shown(message);
      case 'line': {
        if (this.lines.some((line) => line.number === message.number)) return;
        this.lines.push(message);
        if (this.lines.length > LINES_MAX) this.lines.shift();
        return this.#tell('line', message);
      }
      case 'reaction':
        return this.#tell('reaction', message);
      case 'muteAll':
        if (!this.me.muted && this.state?.role !== 'organiser') {
          void this.setMuted(true);
          this.#tell('wrong', 'The organiser has muted everybody. You can unmute when you want to speak.');
        }
        return;
      case 'page':
        return this.#tell('page', message);
      case 'network':
        this.network = message;
        return this.#tell('network');
      case 'wrong':
        return this.#tell('wrong', message.text);
      case 'over':
        this.over = message.text;
        this.#stop();
        return this.#tell('over');
    }
  }

  /** @param {State} state */
  #shown(state) {
    const before = new Set(this.state?.people.map((person) => person.id));
    if (!this.state) this.me.name ||= state.mine.name;
    this.state = state;
    state.people.forEach((person) => before.delete(person.id));
    before.forEach((id) => {
      this.worker.postMessage({ type: 'forget', source: id });
      this.sound.forget(id);
      this.spoke.delete(id);
    });
    this.#tell('state');
  }

  #levels() {
    const now = performance.now();
    for (const [source, level] of Object.entries(this.sound.levels)) if (level > SPEAKS) this.spoke.set(source, now);
    if (!this.me.muted && this.sound.level > SPEAKS && this.state) this.spoke.set(this.state.me, now);
    this.#tell('levels');
  }

  /** @param {string} id */
  speaks(id) {
    return performance.now() - (this.spoke.get(id) ?? -Infinity) < SPEAKS_FOR;
  }

  /** From the lobby into the meeting; follows a click. */
  async join() {
    this.inside = true;
    this.sound.resume();
    await this.sound.ready;
    this.worker.postMessage({ type: 'begin', largest: this.state?.largest ?? 0 });
    this.say({ type: 'join', me: this.#mine() });
    // Without a microphone silence is sent: who has none looks to relays like who is muted.
    if (this.state?.largest) this.sound.sends();
    this.sound.muted = this.me.muted;
    this.#send();
  }

  #mine() {
    return { ...this.me, name: this.me.name.trim() };
  }

  /** Tells the node how this person takes part now. */
  #changed() {
    if (this.inside) this.say({ type: 'me', ...this.#mine() });
    this.#tell('me');
  }

  /** The picture that is sent: the screen before the camera. */
  #send() {
    if (!this.inside || !this.state?.largest) return;
    const stream = this.devices.screen ?? this.devices.camera;
    this.pictures.use(stream?.getVideoTracks()[0] ?? null);
  }

  #openCamera() {
    return this.devices.openCamera(() => {
      void this.setCamera(false);
      this.#tell('wrong', 'The camera was unplugged or has failed: turn it on again.');
    });
  }

  /** Opens the microphone; gives what went wrong, in words. */
  async openMicrophone() {
    const trouble = await this.devices.openMicrophone(() => {
      this.devices.closeMicrophone();
      void this.setMuted(true);
      this.#tell('wrong', 'The microphone was unplugged or has failed: unmute to use it again.');
    });
    await this.sound.microphone(this.devices.microphone);
    return trouble;
  }

  /** @param {boolean} muted */
  async setMuted(muted) {
    if (!muted && !this.devices.microphone) {
      const trouble = await this.openMicrophone();
      if (trouble) return this.#tell('wrong', trouble);
    }
    this.me.muted = muted;
    this.sound.muted = muted;
    this.#changed();
  }

  /** @param {boolean} on */
  async setCamera(on) {
    if (on && !this.devices.camera) {
      const trouble = await this.#openCamera();
      if (trouble) return this.#tell('wrong', trouble);
    }
    if (!on) this.devices.closeCamera();
    this.me.camera = on || this.me.sharing;
    this.#send();
    this.#changed();
  }

  /** @param {boolean} on */
  async setSharing(on) {
    if (on) {
      const trouble = await this.devices.openScreen(() => void this.setSharing(false));
      if (trouble) this.#tell('wrong', trouble);
      if (trouble !== null) return;
    } else {
      this.devices.closeScreen();
    }
    this.me.sharing = on;
    this.me.camera = on || this.devices.camera !== null;
    this.#send();
    this.#changed();
  }

  /** @param {boolean} up */
  setHand(up) {
    this.me.hand = up;
    this.#changed();
  }

  /** @param {string} name */
  setName(name) {
    this.me.name = name;
    this.#changed();
  }

  /** Opens the devices again after another was chosen. @param {'camera' | 'microphone'} kind */
  async reopen(kind) {
    const trouble = kind === 'camera' ? await this.#openCamera() : await this.openMicrophone();
    if (kind === 'camera') this.#send();
    this.#tell('me');
    if (trouble) this.#tell('wrong', trouble);
  }

  /** What came of everybody's media; for tiles, for figures, for tests. */
  stats() {
    const id = ++this.#asked;
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve);
      this.worker.postMessage({ type: 'stats', id });
    });
  }

  #stop() {
    this.inside = false;
    this.pictures.use(null);
    this.devices.closeCamera();
    this.devices.closeMicrophone();
    this.devices.closeScreen();
    void this.sound.context.close();
  }
}
