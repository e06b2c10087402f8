// @ts-check
// Camera, microphone and screen of this machine, and which of them the user likes.

const KEPT = 'canopy.devices';

/** @typedef {{ camera?: string, microphone?: string, speaker?: string }} Liked */

/** @returns {Liked} */
function liked() {
  try {
    return JSON.parse(localStorage.getItem(KEPT) ?? '{}');
  } catch {
    return {};
  }
}

/** What went wrong, and what to do. @param {any} error @param {string} what */
function why(error, what) {
  switch (error?.name) {
    case 'NotAllowedError':
      return `The browser does not let this page use the ${what}: allow it beside the address, then try again.`;
    case 'NotFoundError':
      return `No ${what} was found: plug one in, or go on without.`;
    case 'NotReadableError':
      return `Another program uses the ${what}: close it, then try again.`;
    default:
      return `The ${what} can't be used (${error?.message ?? error}).`;
  }
}

export class Devices {
  /** @type {MediaStream | null} */
  camera = null;
  /** @type {MediaStream | null} */
  microphone = null;
  /** @type {MediaStream | null} */
  screen = null;
  liked = liked();
  /** @type {string[]} what can't be used, in words */
  troubles = [];

  /** @param {keyof Liked} kind @param {string} id */
  like(kind, id) {
    this.liked = { ...this.liked, [kind]: id };
    localStorage.setItem(KEPT, JSON.stringify(this.liked));
  }

  /** @param {() => void} ended it was unplugged, or failed */
  async openCamera(ended) {
    this.closeCamera();
    try {
      const { camera: deviceId } = this.liked;
      this.camera = await navigator.mediaDevices.getUserMedia({
        video: { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30, max: 30 }, ...(deviceId ? { deviceId: { ideal: deviceId } } : {}) },
      });
      this.camera.getVideoTracks()[0].addEventListener('ended', ended);
      return null;
    } catch (error) {
      return why(error, 'camera');
    }
  }

  /** @param {() => void} ended it was unplugged, or failed */
  async openMicrophone(ended) {
    this.closeMicrophone();
    try {
      const { microphone: deviceId } = this.liked;
      this.microphone = await navigator.mediaDevices.getUserMedia({
        audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: 1, ...(deviceId ? { deviceId: { ideal: deviceId } } : {}) },
      });
      this.microphone.getAudioTracks()[0].addEventListener('ended', ended);
      return null;
    } catch (error) {
      return why(error, 'microphone');
    }
  }

  /** @param {() => void} ended the user has stopped it by the browser's own button */
  async openScreen(ended) {
    try {
      this.screen = await navigator.mediaDevices.getDisplayMedia({ video: { frameRate: { ideal: 15, max: 30 } }, audio: false });
      const [track] = this.screen.getVideoTracks();
      track.contentHint = 'detail';
      track.addEventListener('ended', ended);
      return null;
    } catch (error) {
      // Whoever closes the browser's own question has changed their mind.
      return /** @type {any} */ (error)?.name === 'NotAllowedError' ? '' : why(error, 'screen');
    }
  }

  closeCamera() {
    this.camera?.getTracks().forEach((track) => track.stop());
    this.camera = null;
  }

  closeMicrophone() {
    this.microphone?.getTracks().forEach((track) => track.stop());
    this.microphone = null;
  }

  closeScreen() {
    this.screen?.getTracks().forEach((track) => track.stop());
    this.screen = null;
  }

  /** @param {MediaDeviceKind} kind */
  async list(kind) {
    const all = await navigator.mediaDevices.enumerateDevices();
    return all.filter((device) => device.kind === kind && device.deviceId);
  }
}
