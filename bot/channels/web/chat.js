'use strict';
// The page of the web chat. The server speaks through /events, the person through /messages; what was said
// is kept in localStorage, so that a reload shows the conversation as it was.

const KEY = 'aglomeracja.chat.1';
const KEPT = 200;
const TAGS = new Set(['b', 'i', 'u', 's', 'code', 'pre', 'blockquote', 'a']);
const SCHEMES = new Set(['http:', 'https:', 'mailto:', 'tel:']);

const byId = (id) => document.getElementById(id);
const [scroller, log, typing, newer, offline] = ['scroller', 'log', 'typing', 'newer', 'offline'].map(byId);
const [composer, field, attach, chooser] = ['composer', 'text', 'attach', 'file'].map(byId);
const words = document.body.dataset;
const { lang } = document.documentElement;
const touch = matchMedia('(pointer: coarse)').matches;

// ---- What was said -------------------------------------------------------------------------------------
// An item is ours: {me, uuid, at, text, body, state, why}, or the bot's: {id, keys, at, nodes, options, file,
// takes}. Of a file of ours only the name is kept, its bytes as long as the page is open.
// A key is "id@time": a store that was begun anew counts its ids from one again.

function load() {
  try {
    const found = JSON.parse(localStorage.getItem(KEY));
    if (Array.isArray(found?.items) && found.last) return found;
  } catch { /* an unreadable transcript is no transcript */ }
  return { items: [], last: { id: '0', at: '' } };
}

function save() {
  state.items.splice(0, state.items.length - KEPT);
  try {
    localStorage.setItem(KEY, JSON.stringify(state));
  } catch { /* private mode or a full disk: the chat works without a memory */ }
}

let state = load();
const shown = new Map();

// ---- From data to elements, never through HTML ---------------------------------------------------------

function element(tag, className, ...children) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...children);
  return made;
}

function render(node) {
  if (typeof node === 'string') return node;
  const made = element(TAGS.has(node.t) ? node.t : 'span', '', ...node.c.map(render));
  if (node.t === 'a') {
    Object.assign(made, { href: node.href, target: '_blank', rel: 'noopener noreferrer' });
    if (!SCHEMES.has(made.protocol)) made.removeAttribute('href');
  }
  return made;
}

function timeOf(item) {
  const made = element('time', '', new Date(item.at).toLocaleTimeString(lang, { timeStyle: 'short', hourCycle: 'h23' }));
  made.dateTime = item.at;
  return made;
}

function bubbleOf(item) {
  const said = item.me ? [item.text] : item.nodes.map(render);
  const body = element('div', 'body', ...(item.file ? [fileOf(item.file)] : []), ...said);
  const speaker = element('span', 'unseen', `${item.me ? words.you : words.bot} `);
  const options = element('div', 'options', ...(item.options ?? []).map((option) => optionOf(option, item)));
  const foot = item.state === 'failed' ? failureOf(item) : timeOf(item);
  return element('div', item.me ? `message me ${item.state}` : 'message bot', speaker, body, options, foot);
}

function fileOf({ url, name, size, picture, width, height }) {
  const link = element('a', picture ? 'picture' : '');
  link.href = url;
  if (!picture) {
    const kilobytes = new Intl.NumberFormat(lang, { style: 'unit', unit: 'kilobyte', maximumFractionDigits: 0 });
    link.download = name;
    link.append(`${words.download} ${name} (${kilobytes.format(Math.max(size / 1000, 1))})`);
    return element('div', 'file', link);
  }
  const image = element('img');
  Object.assign(image, { alt: name, src: url });
  if (width && height) Object.assign(image, { width, height });
  image.addEventListener('load', () => { if (atBottom) scrollTo(bottom()); });
  Object.assign(link, { target: '_blank', rel: 'noopener' }).append(image);
  return link;
}

function button(label, onClick) {
  const made = element('button', '', label);
  made.type = 'button';
  made.addEventListener('click', () => onClick(made));
  return made;
}

function optionOf({ label, value }, item) {
  return button(label, (pressed) => act({ pressed: value, ref: item.id }, label, pressed));
}

function failureOf(item) {
  const retry = button(words.retry, () => { field.focus(); enqueue(item); });
  return element('p', 'failure', item.why || words.unsent, ' ', retry);
}

function dayOf(item) {
  const at = new Date(item.at);
  const days = Math.round((new Date(at).setHours(0, 0, 0, 0) - new Date().setHours(0, 0, 0, 0)) / 864e5);
  const text = days > -2 && days < 1
    ? new Intl.RelativeTimeFormat(lang, { numeric: 'auto' }).format(days, 'day')
    : at.toLocaleDateString(lang, { weekday: 'long', day: 'numeric', month: 'long' });
  return element('p', 'day', text);
}

// ---- The log and where it is read ----------------------------------------------------------------------

let [anchor, anchoredAt] = [null, 0]; // the message whose top stays in view while answers to it come
let [placed, atBottom] = [0, true];
let firstUnseen = null;

const bottom = () => scroller.scrollHeight - scroller.clientHeight;
const isNear = () => bottom() - scroller.scrollTop < 80;
const topOf = (bubble) => Math.min(bubble.offsetTop - 12, bottom());

function scrollTo(top) {
  scroller.scrollTop = top;
  placed = scroller.scrollTop; // what the browser made of it
}

function append(item) {
  const follows = isNear() || (anchor && Math.abs(scroller.scrollTop - placed) < 4);
  const bubble = put(item);
  bubble.classList.add('new');
  if (item.me || (follows && Date.now() - anchoredAt > 10_000)) {
    [anchor, anchoredAt] = [bubble, Date.now()];
  }
  if (item.me || follows) scrollTo(topOf(anchor));
  if (bubble.offsetTop > scroller.scrollTop + scroller.clientHeight - 40) {
    firstUnseen ??= bubble;
    newer.hidden = false;
  }
}

function put(item) {
  const previous = state.items[state.items.indexOf(item) - 1];
  if (!previous || new Date(previous.at).toDateString() !== new Date(item.at).toDateString()) {
    log.append(dayOf(item));
  }
  const bubble = bubbleOf(item);
  shown.set(item, bubble);
  log.append(bubble);
  return bubble;
}

function update(item) {
  const old = shown.get(item);
  if (!old) return;
  const made = bubbleOf(item);
  const near = isNear();
  const focused = [...old.querySelectorAll('button')].indexOf(document.activeElement);
  old.replaceWith(made);
  shown.set(item, made);
  if (anchor === old) anchor = made;
  if (near) scrollTo(bottom());
  if (focused >= 0) ([...made.querySelectorAll('button')][focused] ?? field).focus({ preventScroll: true });
  if (!item.me) made.classList.add('changed');
}

function showAll() {
  log.ariaLive = 'off'; // what was read before is not read out again
  log.replaceChildren();
  shown.clear();
  state.items.forEach(put);
  offerAttaching();
  scrollTo(bottom());
  requestAnimationFrame(() => { log.ariaLive = 'polite'; });
}

scroller.addEventListener('scroll', () => {
  atBottom = isNear();
  if (atBottom || (firstUnseen && firstUnseen.offsetTop < scroller.scrollTop + scroller.clientHeight - 40)) {
    newer.hidden = true;
    firstUnseen = null;
  }
}, { passive: true });
newer.addEventListener('click', () => {
  if (firstUnseen) scrollTo(topOf(firstUnseen));
  newer.hidden = true;
  scroller.focus({ preventScroll: true });
});
new ResizeObserver(() => { if (atBottom) scrollTo(bottom()); }).observe(scroller);
// Where a keyboard covers the page instead of shrinking it (iOS), the page shrinks itself.
visualViewport?.addEventListener('resize', () => {
  if (visualViewport.scale === 1) document.body.style.setProperty('--height', `${visualViewport.height}px`);
});

// ---- Saying something ----------------------------------------------------------------------------------

let queue = Promise.resolve();
let quiet = null; // a press whose label is shown only if the answer is a message of its own
let typingUntil = 0;

function newUuid() { // crypto.randomUUID is missing on plain http, where a phone in the office network is
  const hex = [...crypto.getRandomValues(new Uint8Array(16))].map((b) => b.toString(16).padStart(2, '0')).join('');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`;
}

const newItem = (body, text) =>
  ({ me: true, uuid: newUuid(), at: new Date().toISOString(), text, body, state: 'sending' });

function say(text) {
  const item = newItem({ text }, text);
  reveal(item);
  enqueue(item);
}

function act(body, label, pressed) {
  if (pressed?.ariaBusy === 'true') return;
  if (pressed) pressed.ariaBusy = 'true';
  quiet = newItem(body, label);
  enqueue(quiet).finally(() => { if (pressed) pressed.ariaBusy = 'false'; });
}

function reveal(item) {
  if (quiet === item) quiet = null;
  if (!item.text || kept(item)) return;
  state.items.push(item);
  append(item);
  save();
}

// Another tab may have written the transcript since: then the same item is another object.
const kept = (item) => state.items.find((other) => other.uuid === item.uuid);

function setState(item, name, why = '') {
  const mine = kept(item);
  for (const known of [item, mine ?? item]) Object.assign(known, { state: name, why });
  if (!mine) return;
  save();
  update(mine);
}

// One after the other, so that messages arrive in the order in which they were said.
function enqueue(item) {
  setState(item, 'sending');
  showTyping(true);
  queue = queue.then(() => post(item));
  return queue;
}

function postText(item) {
  const body = JSON.stringify({ id: item.uuid, ...item.body });
  const headers = { 'Content-Type': 'application/json' };
  return fetch('/messages', { method: 'POST', headers, body, signal: AbortSignal.timeout(30_000) });
}

const chosen = new Map(); // files by the uuids of their items

function postFile(item) {
  const body = chosen.get(item.uuid);
  if (!body) throw Object.assign(new Error('forgotten'), { why: words.again });
  if (body.size > words.limit) throw Object.assign(new Error('too big'), { why: words.big });
  const headers = { 'Content-Type': 'application/octet-stream' };
  const query = new URLSearchParams({ id: item.uuid, name: item.body.name });
  return fetch(`/files?${query}`, { method: 'POST', headers, body, signal: AbortSignal.timeout(90_000) });
}

async function post(item) {
  try {
    const answer = await (item.body.name === undefined ? postText(item) : postFile(item));
    const said = await answer.json();
    if (!answer.ok) throw Object.assign(new Error('refused'), { why: said.error });
    setState(item, 'sent');
    if (said.language !== lang) location.reload();
  } catch (error) {
    item.text ||= item.body.text;
    setState(item, 'failed', error.why ?? '');
    reveal(item);
    showTyping(false);
  }
}

function showTyping(on) {
  clearTimeout(typingUntil);
  if (on) typingUntil = setTimeout(() => showTyping(false), 20_000); // not every message gets an answer
  if (on === typing.classList.contains('on')) return;
  typing.classList.toggle('on', on);
  typing.lastElementChild.textContent = on ? typing.dataset.text : '';
  if (on && isNear()) scrollTo(bottom());
}

composer.addEventListener('submit', (event) => {
  event.preventDefault();
  const text = field.value.trim();
  field.value = '';
  grow();
  field.focus();
  if (text) say(text);
});
attach.addEventListener('click', () => chooser.click());
chooser.addEventListener('change', () => {
  const [file] = chooser.files;
  if (!file) return;
  const item = newItem({ name: file.name }, file.name);
  chosen.set(item.uuid, file);
  chooser.value = '';
  reveal(item);
  enqueue(item);
  field.focus({ preventScroll: true });
});
field.addEventListener('keydown', (event) => {
  // On a touch keyboard Enter breaks the line: there is no Shift+Enter, and the send button is at hand.
  const sends = event.key === 'Enter' && !event.isComposing && !event.shiftKey && (!touch || event.ctrlKey);
  if (!sends) return;
  event.preventDefault();
  composer.requestSubmit();
});
field.addEventListener('input', grow);
for (const tool of document.querySelectorAll('[data-command]')) {
  tool.addEventListener('click', () => act({ text: tool.dataset.command }, tool.dataset.label, tool));
}

function grow() {
  field.style.height = 'auto';
  field.style.height = `${field.scrollHeight}px`;
}

// ---- Hearing something ---------------------------------------------------------------------------------

let source = null;
let [failures, reconnect, hiddenAt, unread] = [0, 0, 0, 0];
const title = document.title;

function countUnread(count) {
  unread = count;
  document.title = count ? `(${count}) ${title}` : title;
}

// A file can be attached where the bot has just asked for one.
function offerAttaching() {
  attach.hidden = !state.items.findLast((item) => !item.me)?.takes;
}

function hear({ id, at, replaces, nodes, options, file, takes_file: takes }) {
  const key = `${id}@${at}`;
  if (state.items.some((item) => item.keys?.includes(key))) return;
  if (!state.last.at || Date.parse(at) >= Date.parse(state.last.at)) state.last = { id, at };
  showTyping(false);
  const old = replaces && state.items.findLast((item) => item.keys?.some((k) => k.startsWith(`${replaces}@`)));
  if (old) {
    quiet = null;
    Object.assign(old, { nodes, options, file, takes, keys: [...old.keys, key] });
    update(old);
  } else {
    if (quiet) reveal(quiet);
    const item = { id, at, nodes, options, file, takes, keys: [key] };
    state.items.push(item);
    append(item);
  }
  offerAttaching();
  save();
  if (document.hidden) countUnread(unread + 1);
}

function connect() {
  source?.close();
  clearTimeout(reconnect);
  source = new EventSource(`/events?after=${encodeURIComponent(state.last.id)}`);
  source.onopen = () => { failures = 0; offline.textContent = ''; };
  source.onmessage = (event) => hear(JSON.parse(event.data));
  source.onerror = () => {
    source.close();
    if (failures) offline.textContent = words.offline;
    reconnect = setTimeout(connect, Math.min(400 * 2 ** failures++, 15_000) * (0.8 + 0.4 * Math.random()));
  };
  source.addEventListener('full', () => { source.close(); offline.textContent = words.elsewhere; });
  source.addEventListener('ready', () => { if (!state.items.length && !quiet) act({ text: '/start' }, ''); });
}

document.addEventListener('visibilitychange', () => {
  if (document.hidden) { hiddenAt = Date.now(); return; }
  countUnread(0);
  // A phone that slept may hold a connection which is dead without knowing it.
  if (source.readyState !== EventSource.OPEN || Date.now() - hiddenAt > 20_000) connect();
});
addEventListener('online', connect);
addEventListener('pageshow', (event) => { if (event.persisted) connect(); });
addEventListener('storage', (event) => {
  if (event.key !== KEY || event.newValue === JSON.stringify(state)) return;
  const top = isNear() ? Infinity : scroller.scrollTop;
  const before = state.items;
  state = load();
  if (keepNewer(before)) save();
  showAll();
  scrollTo(top);
});

// The other tab may have saved before it knew of a message, or of its arrival: what this one knows counts.
function keepNewer(before) {
  const late = before.filter((item) => item.me && item.state === 'sent' && kept(item)?.state === 'sending');
  late.forEach((item) => { kept(item).state = 'sent'; });
  const unknown = before.filter((item) => item.me && item.state === 'sending' && !kept(item));
  state.items.push(...unknown);
  return late.length + unknown.length > 0;
}

// What was on its way when the page was left may have arrived or not: a retry is the same message.
state.items.filter((item) => item.state === 'sending').forEach((item) => { item.state = 'failed'; });
showAll();
connect();
