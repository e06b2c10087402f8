// @ts-check
// One person's tile: a canvas that the worker draws on (one's own: the camera itself), and what there is to say.

import { el, icon } from '../dom.js';
import { hue, initials, nameOf } from '../names.js';

/** A picture that stands longer is frozen; one that comes slower than this is poor. */
const FROZEN_MS = 1_200;
const POOR_FPS = 8;

export class Tile {
  #drawn = 0;
  #since = performance.now();
  fps = 0;
  frozen = false;

  /**
   * @param {string} id
   * @param {boolean} own
   * @param {Worker} worker
   * @param {() => void} pin
   */
  constructor(id, own, worker, pin) {
    this.id = id;
    this.own = own;
    this.screen = own ? el('video', { autoplay: true, playsinline: true, 'aria-hidden': 'true' }) : el('canvas', { width: 16, height: 9, 'aria-hidden': 'true' });
    if (this.screen instanceof HTMLVideoElement) this.screen.muted = true;
    else {
      const canvas = this.screen.transferControlToOffscreen();
      worker.postMessage({ type: 'canvas', source: id, canvas }, [canvas]);
    }
    this.avatar = el('div', { class: 'avatar', 'aria-hidden': 'true' });
    this.avatar.style.setProperty('--hue', String(hue(id)));
    this.name = el('bdi', { class: 'name' });
    this.muted = el('span', { class: 'badge muted', title: 'Muted' }, icon('micOff'));
    this.verified = el('span', { class: 'badge verified' }, icon('check'));
    this.hand = el('span', { class: 'badge hand', title: 'Raised hand' }, icon('hand'));
    this.quality = el('span', { class: 'quality' });
    this.pin = el('button', { class: 'pin', type: 'button', onclick: pin }, icon('pin'));
    this.element = el(
      'li',
      { class: own ? 'tile own' : 'tile', 'data-id': id },
      this.screen,
      this.avatar,
      el('div', { class: 'caption' }, this.muted, this.name, this.verified, this.quality),
      this.hand,
      this.pin,
    );
    this.element.addEventListener('dblclick', pin);
  }

  /**
   * @param {{ id: string, name: string, muted: boolean, camera: boolean, sharing: boolean, hand: unknown, verified?: boolean }} person
   * @param {{ pinned: boolean, compared: boolean, stream: MediaStream | null }} more
   */
  refresh(person, { pinned, compared, stream }) {
    const name = nameOf(person);
    const called = this.own ? `${name} (you)` : name;
    this.sharing = person.sharing;
    this.camera = person.camera;
    if (this.name.textContent !== called) this.name.textContent = called;
    const letters = initials(name);
    if (this.avatar.textContent !== letters) this.avatar.textContent = letters;
    if (this.screen instanceof HTMLVideoElement && this.screen.srcObject !== stream) this.screen.srcObject = stream;
    this.screen.hidden = !person.camera;
    this.avatar.hidden = person.camera;
    this.muted.hidden = !person.muted;
    this.hand.hidden = person.hand === null || person.hand === false;
    this.verified.hidden = !person.verified;
    this.verified.classList.toggle('compared', compared);
    this.verified.title = compared ? 'Verified: signed by this person, and you compared the code' : 'Verified: all that comes is signed by this person’s key';
    this.element.classList.toggle('sharing', person.sharing);
    this.element.classList.toggle('pinned', pinned);
    this.pin.setAttribute('aria-pressed', String(pinned));
    this.pin.setAttribute('aria-label', pinned ? `Unpin ${name}` : `Pin ${name}`);
    const says = [
      called,
      person.sharing ? 'shares the screen' : person.camera ? 'camera on' : 'camera off',
      person.muted ? 'muted' : 'not muted',
      this.hand.hidden ? '' : 'hand raised',
      person.verified ? 'verified' : '',
      compared ? 'code compared' : '',
      this.frozen ? 'picture frozen' : '',
    ];
    this.element.setAttribute('aria-label', says.filter(Boolean).join(', '));
  }

  /**
   * Looks at what was drawn since the last look.
   * @param {{ drawn: number, agoMs: number, layer: number, width: number, height: number, p50Ms: number | null } | undefined} stats
   */
  measure(stats) {
    if (this.own) return;
    const now = performance.now();
    this.fps = stats ? ((stats.drawn - this.#drawn) * 1000) / Math.max(1, now - this.#since) : 0;
    this.#drawn = stats?.drawn ?? 0;
    this.#since = now;
    const none = !stats || stats.drawn === 0;
    this.frozen = !!this.camera && !none && stats.agoMs > FROZEN_MS;
    this.element.classList.toggle('frozen', this.frozen);
    this.element.classList.toggle('waiting', !!this.camera && none);
    const word = !this.camera ? '' : none ? 'waiting for the picture' : this.frozen ? 'frozen' : this.fps < POOR_FPS && !this.sharing ? 'poor connection' : '';
    if (this.quality.textContent !== word) this.quality.textContent = word;
    this.quality.title = stats && !none ? `${stats.width} × ${stats.height}, ${this.fps.toFixed(0)} pictures a second${stats.p50Ms === null ? '' : `, ${stats.p50Ms.toFixed(0)} ms`}` : '';
  }
}
