// @ts-check
// Pictures of a track on their way into the worker: a stream of frames where the browser makes one in the page, the
// track itself where it makes one in a worker (Safari), else a hidden video that says when it has a new picture.

export class Pictures {
  /** @type {MediaStreamTrack | null} */
  #track = null;
  #run = 0;

  /** @param {Worker} worker @param {string | null} forced 'video' never asks for a stream of frames */
  constructor(worker, forced) {
    this.worker = worker;
    this.forced = forced;
    this.way = 'none';
  }

  /**
   * Sends this track's pictures instead of the last one's.
   * @param {MediaStreamTrack | null} track
   */
  use(track) {
    const run = ++this.#run;
    this.#track?.stop();
    this.#track = null;
    this.worker.postMessage({ type: 'noPicture' });
    // One that has ended gives no more, and browsers refuse to read it.
    if (!track || track.readyState === 'ended') return;
    // A copy of its own: the preview keeps the other.
    const own = track.clone();
    this.#track = own;
    const Processor = /** @type {any} */ (window).MediaStreamTrackProcessor;
    if (Processor && this.forced !== 'video') {
      this.way = 'processor';
      const { readable } = new Processor({ track: own });
      this.worker.postMessage({ type: 'readable', readable }, [readable]);
      return;
    }
    if (this.forced !== 'video' && this.#intoWorker(own)) return;
    this.way = 'video';
    this.#watch(own, run);
  }

  /** @param {MediaStreamTrack} track */
  #intoWorker(track) {
    try {
      this.worker.postMessage({ type: 'track', track }, [/** @type {any} */ (track)]);
      this.way = 'worker';
      return true;
    } catch {
      return false;
    }
  }

  /** @param {MediaStreamTrack} track @param {number} run */
  #watch(track, run) {
    const video = document.createElement('video');
    video.muted = true;
    video.srcObject = new MediaStream([track]);
    void video.play();
    const next = () => {
      if (run !== this.#run) {
        video.srcObject = null;
        return;
      }
      const frame = new VideoFrame(video, { timestamp: Math.round(performance.now() * 1000) });
      this.worker.postMessage({ type: 'picture', frame }, [frame]);
      video.requestVideoFrameCallback(next);
    };
    video.requestVideoFrameCallback(next);
  }
}
