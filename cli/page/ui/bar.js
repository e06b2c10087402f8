// @ts-check
// The controls at the bottom. Each button says what it does, what state it is in, and which key does the same.

import { el, icon } from '../dom.js';

/** What each reaction's number shows. */
export const REACTIONS = ['👍', '👏', '❤️', '😂', '😮', '🎉', '🤔', '👋'];
const REACTION_NAMES = ['Thumbs up', 'Applause', 'Heart', 'Laughing', 'Surprised', 'Celebrating', 'Thinking', 'Waving'];

export class Bar {
  /** @param {import('./meeting.js').Meeting} meeting */
  constructor(meeting) {
    const { session } = meeting;
    this.meeting = meeting;
    /** @type {Record<string, HTMLButtonElement>} */
    this.buttons = {
      mic: this.button('mic', 'M', () => void session.setMuted(!session.me.muted)),
      camera: this.button('camera', 'V', () => void session.setCamera(!session.devices.camera)),
      screen: this.button('screen', 'S', () => void session.setSharing(!session.me.sharing)),
      hand: this.button('hand', 'H', () => session.setHand(!session.me.hand)),
      react: this.button('smile', 'R', () => this.open(this.reactions.hidden)),
      layout: this.button('grid', 'G', () => meeting.toggleLayout()),
      chat: this.button('chat', 'C', () => meeting.toggle('chat')),
      people: this.button('people', 'P', () => meeting.toggle('people')),
      network: this.button('tree', 'N', () => meeting.toggle('network')),
      help: this.button('help', '?', () => meeting.help()),
      leave: this.button('leave', '', () => meeting.leave()),
    };
    this.buttons.leave.classList.add('leave');
    this.count = el('span', { class: 'count', hidden: true });
    this.buttons.chat.append(this.count);
    this.reactions = el(
      'div',
      { class: 'reactions', role: 'group', 'aria-label': 'Reactions', hidden: true },
      ...REACTIONS.map((sign, what) =>
        el('button', { type: 'button', 'aria-label': REACTION_NAMES[what], onclick: () => this.react(what) }, sign),
      ),
    );
    const { mic, camera, screen, hand, react, layout, chat, people, network, help, leave } = this.buttons;
    this.element = el(
      'nav',
      { class: 'bar', 'aria-label': 'Controls' },
      this.reactions,
      el('div', { class: 'group media' }, mic, camera, screen),
      el('div', { class: 'group' }, hand, react, leave),
      el('div', { class: 'group' }, layout, chat, people, network, help),
    );
    this.refresh();
  }

  /** @param {Parameters<typeof icon>[0]} name @param {string} key @param {() => void} does */
  button(name, key, does) {
    return el('button', { type: 'button', 'aria-keyshortcuts': key || null, 'data-key': key, onclick: does }, icon(name));
  }

  /** @param {boolean} open */
  open(open) {
    this.reactions.hidden = !open;
    this.buttons.react.setAttribute('aria-expanded', String(open));
    if (open) /** @type {HTMLElement} */ (this.reactions.firstElementChild).focus();
  }

  /** @param {number} what */
  react(what) {
    this.meeting.session.say({ type: 'react', what });
    this.open(false);
    this.buttons.react.focus();
  }

  refresh() {
    const { session, panel, stage, unread } = this.meeting;
    const { me } = session;
    const listens = session.state?.largest === 0;
    this.set('mic', me.muted ? 'Unmute' : 'Mute', me.muted, me.muted ? 'micOff' : 'mic');
    const camera = session.devices.camera !== null;
    this.set('camera', camera ? 'Turn the camera off' : 'Turn the camera on', !camera, camera ? 'camera' : 'cameraOff');
    this.set('screen', me.sharing ? 'Stop sharing' : 'Share the screen', me.sharing);
    for (const name of ['mic', 'camera', 'screen']) this.buttons[name].disabled = listens;
    this.set('hand', me.hand ? 'Lower your hand' : 'Raise your hand', me.hand);
    this.set('react', 'React', null);
    const speaker = stage.layout === 'speaker';
    this.set('layout', speaker ? 'Show everybody alike' : 'Show the speaker large', null, speaker ? 'grid' : 'speaker');
    this.set('chat', unread ? `Chat, ${unread} unread` : 'Chat', panel === 'chat');
    this.set('people', 'People', panel === 'people');
    this.set('network', 'Why is it like this?', panel === 'network');
    this.set('help', 'Help and keys', null);
    this.set('leave', 'Leave', null);
    this.count.hidden = unread === 0;
    this.count.textContent = String(unread);
  }

  /** @param {string} name @param {string} label @param {boolean | null} pressed @param {Parameters<typeof icon>[0]} [picture] */
  set(name, label, pressed, picture) {
    const button = this.buttons[name];
    const key = button.dataset.key;
    if (button.getAttribute('aria-label') !== label) {
      button.setAttribute('aria-label', label);
      button.title = key ? `${label} (${key})` : label;
      if (picture) button.replaceChild(icon(picture), /** @type {Node} */ (button.firstChild));
    }
    if (pressed !== null) button.setAttribute('aria-pressed', String(pressed));
  }
}
