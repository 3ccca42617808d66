// What the components' scripts share: they run inside this scope, so a name of their own goes before one of these.
// Texts go in through textContent alone: they come from strangers.
const SVG = 'http://www.w3.org/2000/svg';

function make(tag, className, parent, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (tag === 'button') node.type = 'button';
  if (text !== undefined) node.textContent = text;
  if (parent) parent.append(node);
  return node;
}
// An attribute that is null or false is left out; true stands without a value.
function put(parent, node, attributes = {}, text = null) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== false) node.setAttribute(name, value === true ? '' : value);
  }
  if (text !== null) node.textContent = text;
  if (parent) parent.append(node);
  return node;
}
const html = (parent, tag, attributes, text) => put(parent, document.createElement(tag), attributes, text);
const svg = (parent, tag, attributes, text) => put(parent, document.createElementNS(SVG, tag), attributes, text);

function pressable(className, parent, text, pressed) {
  const node = make('button', className, parent, text);
  if (pressed) node.addEventListener('click', pressed);
  return node;
}
function press(parent, text, className, pressed, attributes = {}) {
  const node = html(parent, 'button', { type: 'button', class: className, ...attributes }, text);
  node.addEventListener('click', pressed);
  return node;
}
// The next three leave the page alone where it says so already: what is written again is read aloud again.
function write(node, text) {
  if (node.textContent !== text) node.textContent = text;
}
function show(node, shown) {
  if (node.hidden === shown) node.hidden = !shown;
}
function mark(node, name, value) {
  if (node.getAttribute(name) === value) return;
  if (value === '' || value === null || value === undefined) node.removeAttribute(name);
  else node.setAttribute(name, value);
}
// Puts the nodes in order and leaves those that stand right where they are, so that no player is taken out of the page.
function arrange(parent, nodes) {
  nodes.forEach((node, place) => {
    if (parent.children[place] !== node) parent.insertBefore(node, parent.children[place] || null);
  });
  while (parent.children.length > nodes.length) parent.lastElementChild.remove();
}
function webAddress(url) {
  try {
    const address = new URL(url, window.location.href);
    return /^https?:$/.test(address.protocol) ? address.href : '';
  } catch {
    return '';
  }
}
const plural = (count, word) => `${count.toLocaleString('en-US')} ${word}${count === 1 ? '' : 's'}`;
// 75.3 seconds as "1:15.3"
function clock(seconds) {
  const whole = Math.max(0, seconds || 0);
  const minutes = Math.floor(whole / 60);
  return `${minutes}:${(whole - 60 * minutes).toFixed(1).padStart(4, '0')}`;
}
