// @ts-check
// The page's sound: the microphone into the worker, everybody else out of it. The echo canceller of the browser takes
// what this page plays for its reference, so it is all played here.

import { script } from '../trusted.js';

export class Sound {
  /** @type {AudioWorkletNode | null} */
  #capture = null;
  /** @type {AudioWorkletNode | null} */
  #play = null;
  /** @type {MediaStreamAudioSourceNode | null} */
  #microphone = null;
  #muted = true;
  /** How loud the microphone is, 0 to 1. */
  level = 0;
  /** @type {Record<string, number>} how loud each source is, 0 to 1 */
  levels = {};
  /** @type {Record<string, number>} how often each source's sound ran dry */
  gaps = {};
  /** @type {() => void} called about ten times a second */
  onlevels = () => {};

  /** @param {Worker} worker */
  constructor(worker) {
    this.worker = worker;
    this.context = new AudioContext({ sampleRate: 48_000, latencyHint: 'interactive' });
    this.ready = this.#load();
  }

  async #load() {
    await this.context.audioWorklet.addModule(script('/media/capture-worklet.js'));
    await this.context.audioWorklet.addModule(script('/media/play-worklet.js'));
    this.#capture = new AudioWorkletNode(this.context, 'canopy-capture', { outputChannelCount: [1] });
    this.#play = new AudioWorkletNode(this.context, 'canopy-play', { numberOfInputs: 0, outputChannelCount: [2] });
    this.#capture.port.onmessage = ({ data }) => (this.level = data.level);
    this.#play.port.onmessage = ({ data }) => {
      this.levels = data.levels;
      this.gaps = data.gaps;
      this.onlevels();
    };
    const [taken, played] = [new MessageChannel(), new MessageChannel()];
    this.#capture.port.postMessage({ out: taken.port1, muted: this.#muted }, [taken.port1]);
    this.#play.port.postMessage({ in: played.port1 }, [played.port1]);
    this.worker.postMessage({ type: 'player', port: played.port2 }, [played.port2]);
    this.sends = () => this.worker.postMessage({ type: 'capture', port: taken.port2 }, [taken.port2]);
    // A node that leads nowhere isn't run; it is silent.
    this.#capture.connect(this.context.destination);
    this.#play.connect(this.context.destination);
  }

  /** Begins to send what the microphone takes (silence, while muted). */
  sends = () => {};

  /** Must follow a click: browsers play nothing before. Never waited for: without a device it never settles. */
  resume() {
    void this.context.resume();
  }

  /** @param {MediaStream | null} stream */
  async microphone(stream) {
    await this.ready;
    this.#microphone?.disconnect();
    this.#microphone = null;
    this.level = 0;
    if (stream?.getAudioTracks().length && this.#capture) {
      this.#microphone = this.context.createMediaStreamSource(new MediaStream(stream.getAudioTracks()));
      this.#microphone.connect(this.#capture);
    }
  }

  set muted(/** @type {boolean} */ muted) {
    this.#muted = muted;
    this.#capture?.port.postMessage({ muted });
  }

  /** @param {string} source */
  forget(source) {
    this.#play?.port.postMessage({ forget: source });
  }

  /**
   * Plays through another device, where the browser can.
   * @param {string} deviceId
   */
  async speaker(deviceId) {
    await /** @type {any} */ (this.context).setSinkId?.(deviceId);
  }
}
