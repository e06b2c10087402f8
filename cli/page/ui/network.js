// @ts-check
// "Why is it like this?": who feeds whom, drawn from what this node knows, and what a relay sees.

import { el, svg } from '../dom.js';
import { nameOf } from '../names.js';
import { rate } from '../units.js';
import { Lending } from './lending.js';

const LAYERS = ['sound', '180p', '360p', '720p'];
const TIME = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const WIDTH = 320;
const ROW = 64;
/** Dots beside each other. */
const ACROSS = 3;

export class NetworkPanel {
  title = 'Why is it like this?';

  /** @param {import('../session.js').Session} session */
  constructor(session) {
    this.session = session;
    this.lending = new Lending(session);
    this.meters = el('dl', { class: 'meters' });
    this.through = el('tbody', {});
    this.drawing = el('div', { class: 'drawing' });
    this.trees = el('ul', { class: 'trees' });
    this.nodes = el('ul', { class: 'nodes' });
    this.happened = el('ol', { class: 'happened' });
    this.element = el(
      'div',
      { class: 'network' },
      el('p', { class: 'note' }, 'There is no server. Whoever has uplink to spare passes sealed frames on, in trees. If one fails, its children go to a backup.'),
      this.meters,
      this.lending.element,
      el('h3', { id: 'through' }, 'How it comes through'),
      el(
        'table',
        { class: 'through', 'aria-labelledby': 'through' },
        el('thead', {}, el('tr', {}, ...['From', 'Delay', 'Missing', 'Repairs'].map((name) => el('th', { scope: 'col' }, name)))),
        this.through,
      ),
      el('p', { class: 'note' }, 'In the last minute. The delay is from the camera to this machine, as both clocks show it: if one is wrong, so is this. What it is above its best (+) is right in any case. Missing is what came too late or not at all.'),
      el('h3', {}, 'Who feeds me, whom I feed'),
      this.drawing,
      el('details', {}, el('summary', {}, 'Every tree that I am in'), this.trees),
      el('details', {}, el('summary', {}, 'Who lends what'), this.nodes),
      el('h3', {}, 'What happened'),
      this.happened,
      el(
        'details',
        { class: 'sees' },
        el('summary', {}, 'What does a relay see of me?'),
        el('p', {}, 'It sees: a random name for this meeting, this machine’s network address, that I send and receive, how much and when, which sizes of picture, and which frames are key frames.'),
        el('p', {}, 'It doesn’t see: my name, what is said, shown or written, who speaks, who is muted (silence is sent like speech), nor a key to any of it.'),
      ),
    );
  }

  opened() {
    this.refresh();
  }

  /** @param {string} id */
  called(id) {
    const { state, network } = this.session;
    if (id === state?.me) return 'me';
    const person = state?.people.find((other) => other.id === id);
    if (person) return nameOf(person);
    const relay = network?.nodes.find((node) => node.id === id)?.relay;
    return `${relay === false ? 'somebody' : 'relay'} ${id.slice(0, 4)}`;
  }

  refresh() {
    const { network } = this.session;
    this.lending.refresh(network?.lentKbps ? rate(network.lentKbps) : '');
    if (!network) return;
    const row = (/** @type {string} */ label, /** @type {string} */ value) => el('div', {}, el('dt', {}, label), el('dd', {}, value));
    this.meters.replaceChildren(
      row('in', rate(network.inKbps)),
      row('out', rate(network.outKbps)),
      row('my limit', rate(network.limitKbps)),
      row('promised', rate(network.committedKbps)),
      row('too late to pass on', String(network.dropped)),
      ...(network.downlinkKbps ? [row('my downlink carries about', rate(network.downlinkKbps))] : []),
    );
    this.through.replaceChildren(...network.through.map((one) => this.comes(one)));
    this.draw(network);
    this.trees.replaceChildren(
      ...network.trees.map((tree) =>
        el(
          'li',
          { class: tree.live ? '' : 'dead' },
          el('b', {}, `${this.called(tree.source)}, ${LAYERS[tree.layer] ?? ''}`),
          ` ${tree.parent ? `from ${this.called(tree.parent)}` : tree.source === this.session.state?.me ? 'from here' : 'looking for a parent'}`,
          tree.children.length ? `, to ${tree.children.map((id) => this.called(id)).join(', ')}` : '',
          tree.backups.length ? `; backups ${tree.backups.map((id) => this.called(id)).join(', ')}` : '',
        ),
      ),
    );
    this.nodes.replaceChildren(
      ...network.nodes.map((node) =>
        el('li', {}, el('b', {}, this.called(node.id)), ` ${node.relay ? 'lends' : 'has'} ${rate(node.uplinkKbps)}${node.linked ? ', linked to me' : ''}${node.id === network.coordinator ? ', coordinates' : ''}`),
      ),
    );
    this.happened.replaceChildren(
      ...network.happened
        .slice(-20)
        .reverse()
        .map((one) => el('li', {}, el('time', {}, TIME.format(new Date(one.atMs))), ` ${sentence(one.text, one.who && this.called(one.who))}`)),
    );
  }

  /** @param {import('../messages.js').Through} one */
  comes(one) {
    const repairs = [one.moves && `${one.moves} new ${one.moves === 1 ? 'way' : 'ways'}`, one.keys && `${one.keys} key ${one.keys === 1 ? 'frame' : 'frames'}`];
    return el(
      'tr',
      {},
      el('th', { scope: 'row' }, `${this.called(one.source)}, ${LAYERS[one.layer] ?? ''}`),
      el('td', {}, `${one.delayMs} ms`, one.aboveMs > 0 && el('small', {}, ` +${one.aboveMs}`)),
      el('td', { class: one.lost * 50 > one.came ? 'bad' : '' }, one.lost ? `${one.lost} of ${one.lost + one.came}` : 'none'),
      el('td', {}, repairs.filter(Boolean).join(', ') || 'none'),
    );
  }

  /**
   * Parents above, this node in the middle, children below; a line for each pair, thicker the more trees it carries.
   * @param {import('../messages.js').Network} network
   */
  draw(network) {
    const parents = tally(network.trees.flatMap((tree) => (tree.parent ? [{ id: tree.parent, live: tree.live }] : [])));
    const children = tally(network.trees.flatMap((tree) => tree.children.map((id) => ({ id, live: true }))));
    const rows = (/** @type {unknown[]} */ list) => Math.max(1, Math.ceil(list.length / ACROSS));
    const me = { x: WIDTH / 2, y: rows(parents) * ROW + ROW * 0.9 };
    const height = me.y + rows(children) * ROW + ROW * 0.9;
    const drawn = [
      ...this.side(network, parents, me, (row) => (rows(parents) - row) * ROW - ROW * 0.5),
      ...this.side(network, children, me, (row) => me.y + (row + 1) * ROW),
    ];
    if (!parents.length) drawn.push(svg('text', { x: me.x, y: ROW * 0.6, 'text-anchor': 'middle' }, 'nobody feeds me'));
    if (!children.length) drawn.push(svg('text', { x: me.x, y: me.y + ROW, 'text-anchor': 'middle' }, 'I feed nobody'));
    drawn.push(svg('circle', { class: 'dot me', cx: me.x, cy: me.y, r: 11 }), svg('text', { x: me.x + 18, y: me.y + 4, class: 'strong' }, 'me'));
    const names = (/** @type {ReturnType<typeof tally>} */ list) => list.map((one) => this.called(one.id)).join(', ') || 'nobody';
    const words = `I am fed by ${names(parents)}. I feed ${names(children)}.`;
    this.drawing.replaceChildren(svg('svg', { viewBox: `0 0 ${WIDTH} ${height}`, role: 'img', 'aria-label': words }, ...drawn));
  }

  /**
   * @param {import('../messages.js').Network} network
   * @param {ReturnType<typeof tally>} list
   * @param {{ x: number, y: number }} me
   * @param {(row: number) => number} height of a row of dots
   */
  side(network, list, me, height) {
    return list.flatMap((one, n) => {
      const row = Math.floor(n / ACROSS);
      const inRow = Math.min(ACROSS, list.length - row * ACROSS);
      const x = (WIDTH * ((n % ACROSS) + 0.5)) / inRow;
      const y = height(row);
      const relay = network.nodes.find((node) => node.id === one.id)?.relay;
      const mid = (me.y + y) / 2;
      return [
        svg('path', { class: one.live ? 'edge' : 'edge dead', d: `M${x} ${y}C${x} ${mid} ${me.x} ${mid} ${me.x} ${me.y}`, 'stroke-width': Math.min(8, 1.5 + one.trees) }),
        svg('circle', { class: relay ? 'dot relay' : 'dot', cx: x, cy: y, r: 8 }),
        svg('text', { x, y: y + (y < me.y ? -13 : 22), 'text-anchor': 'middle' }, shorten(`${this.called(one.id)} · ${one.trees}`)),
      ];
    });
  }
}

/** How many trees each neighbour carries, the most first. @param {{ id: string, live: boolean }[]} edges */
function tally(edges) {
  /** @type {Map<string, { id: string, trees: number, live: boolean }>} */
  const by = new Map();
  for (const { id, live } of edges) {
    const one = by.get(id) ?? { id, trees: 0, live: false };
    by.set(id, { id, trees: one.trees + 1, live: one.live || live });
  }
  return [...by.values()].sort((a, b) => b.trees - a.trees).slice(0, 12);
}

/** @param {string} text @param {string | null} who */
const sentence = (text, who) => (text.includes('now comes from') ? `${text} ${who ?? 'somebody'}` : who ? `${who}: ${text}` : text);

/** @param {string} text */
const shorten = (text) => (text.length > 17 ? `${text.slice(0, 16)}…` : text);
