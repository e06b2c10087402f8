// @ts-check
// The microphone, in packets of 20 ms: mono, 48 kHz. Muted here means silence: what goes on is zeros.

const PACKET = 960;

class Capture extends AudioWorkletProcessor {
  packet = new Float32Array(PACKET);
  filled = 0;
  muted = true;
  loudest = 0;
  packets = 0;
  /** @type {MessagePort | null} */
  out = null;

  constructor() {
    super();
    this.port.onmessage = ({ data }) => {
      if (data.out) this.out = data.out;
      if (data.muted !== undefined) this.muted = data.muted;
    };
  }

  /** @param {Float32Array[][]} inputs */
  process([channels]) {
    const length = channels[0]?.length ?? 128;
    for (let i = 0; i < length; i++) {
      let sum = 0;
      for (const channel of channels) sum += channel[i];
      const sample = channels.length ? sum / channels.length : 0;
      this.loudest = Math.max(this.loudest, Math.abs(sample));
      this.packet[this.filled++] = this.muted ? 0 : sample;
      if (this.filled === PACKET) this.full();
    }
    return true;
  }

  full() {
    const packet = this.packet;
    this.packet = new Float32Array(PACKET);
    this.filled = 0;
    this.out?.postMessage(packet, [packet.buffer]);
    // The meter shows the microphone also while it is muted: that is how one notices.
    if (++this.packets % 3 === 0) {
      this.port.postMessage({ level: this.loudest });
      this.loudest = 0;
    }
  }
}

registerProcessor('canopy-capture', Capture);
