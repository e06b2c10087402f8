// @ts-check
// Everything that must not wait for the page: the socket, the encoders, the decoders, the canvases.

import { Decoding } from './decode.js';
import { Encoding } from './encode.js';
import { nowUs, read } from './frame.js';

const VERSION = 1;
const PROTOCOL = 'canopy.1';
/** How soon a socket that broke is tried again, in milliseconds; doubles up to the second. */
const AGAIN = [250, 4000];
/** Another tab has the meeting now; see the node's close codes. */
const REPLACED = 4001;
/** Sources that are decoded. */
const SOURCES_MAX = 64;

/** @type {WebSocket | null} */
let socket = null;
let pause = AGAIN[0];
let over = false;
/** @type {Encoding | null} */
let encoding = null;
/** @type {MessagePort | null} */
let player = null;
/** @type {Map<string, Decoding>} */
const sources = new Map();
/** Counts up with each picture source, so that the loop of the last one ends. */
let pictures = 0;
/** @type {string[]} */
const errors = [];

/** @param {string} error */
function failed(error) {
  if (errors.length < 20) errors.push(error);
  postMessage({ type: 'failed', text: error });
}

/** @param {string} text */
function say(text) {
  if (socket?.readyState === WebSocket.OPEN) socket.send(text);
}

/** @param {string} url @param {string} token */
function open(url, token) {
  const attempt = new WebSocket(url, [PROTOCOL, `token.${token}`]);
  attempt.binaryType = 'arraybuffer';
  socket = attempt;
  attempt.onopen = () => {
    pause = AGAIN[0];
    say(JSON.stringify({ type: 'hello', version: VERSION, nowUs: nowUs() }));
    // A new socket's node knows neither what is encoded here nor what went before.
    sources.forEach((source) => source.lanes.forEach((lane) => (lane.waits = true)));
    encoding?.keys();
    encoding?.tell();
    postMessage({ type: 'socket', state: 'open' });
  };
  attempt.onmessage = ({ data }) => {
    if (typeof data === 'string') heard(JSON.parse(data));
    else take(data);
  };
  attempt.onclose = ({ code, reason }) => {
    if (socket !== attempt) return;
    socket = null;
    if (code === REPLACED || over) return postMessage({ type: 'socket', state: code === REPLACED ? 'replaced' : 'over', reason });
    postMessage({ type: 'socket', state: 'lost' });
    setTimeout(() => open(url, token), pause);
    pause = Math.min(pause * 2, AGAIN[1]);
  };
}

/** @param {any} message */
function heard(message) {
  if (message.type === 'key') return encoding?.key(message.layer);
  if (message.type === 'over') over = true;
  postMessage({ type: 'said', message });
}

/** @param {ArrayBuffer} buffer */
function take(buffer) {
  const frame = read(buffer);
  const source = sourceOf(frame.source);
  source?.push(frame);
}

/** @param {string} id */
function sourceOf(id) {
  let source = sources.get(id);
  if (!source && sources.size < SOURCES_MAX) {
    source = new Decoding({
      refresh: (layer) => say(JSON.stringify({ type: 'refresh', source: id, layer })),
      sound: (samples) => player?.postMessage({ source: id, samples }, [samples.buffer]),
    });
    sources.set(id, source);
  }
  return source;
}

/** @param {ReadableStream<VideoFrame>} readable */
async function run(readable) {
  const mine = ++pictures;
  const reader = readable.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done || !value) return;
    if (mine !== pictures || !encoding) {
      value.close();
      await reader.cancel();
      return;
    }
    encoding.picture(value);
  }
}

/** @type {Record<string, (message: any) => void>} */
const does = {
  open: ({ url, token }) => open(url, token),
  text: ({ text }) => say(text),
  begin({ largest }) {
    encoding?.close();
    encoding = new Encoding(
      {
        send: (bytes) => socket?.readyState === WebSocket.OPEN && socket.send(bytes),
        waiting: () => socket?.bufferedAmount ?? 0,
        sends: (layers) => say(JSON.stringify({ type: 'sends', layers })),
        failed,
      },
      largest,
    );
  },
  readable: ({ readable }) => void run(readable),
  // Safari: a track comes over as it is, and is read here.
  track({ track }) {
    const Processor = /** @type {any} */ (globalThis).MediaStreamTrackProcessor;
    void run(new Processor({ track }).readable);
  },
  picture({ frame }) {
    if (encoding) encoding.picture(frame);
    else frame.close();
  },
  noPicture() {
    pictures++;
    encoding?.noPicture();
  },
  capture({ port }) {
    port.onmessage = (/** @type {MessageEvent} */ { data }) => encoding?.sound(data);
  },
  player({ port }) {
    player = port;
  },
  canvas: ({ source, canvas }) => sourceOf(source)?.show(canvas),
  forget({ source }) {
    sources.get(source)?.close();
    sources.delete(source);
  },
  stats({ id }) {
    /** @type {Record<string, any>} */
    const of = {};
    sources.forEach((source, name) => (of[name] = source.stats()));
    const sent = encoding && {
      skipped: encoding.skipped,
      sounds: encoding.sounds,
      layers: Object.fromEntries(encoding.rungs.map((rung) => [rung.layer, rung.frames])),
    };
    postMessage({ type: 'stats', id, stats: { sources: of, sent, errors, connected: socket?.readyState === WebSocket.OPEN } });
  },
  /** For tests: as if the connection had broken. */
  drop: () => socket?.close(),
};

onmessage = ({ data }) => does[data.type]?.(data);
