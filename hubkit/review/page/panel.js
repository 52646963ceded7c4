// A text in which words can be walked through and passages selected, by mouse, finger or keyboard alone.
// Offsets count characters of Unicode, as Python does.

function build(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) node.setAttribute(name, String(value));
  }
  // Strings become text nodes: no text is ever read as HTML.
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

// What would reorder a line, or show nothing at all: readers see that it is there. One character each, so that offsets
// stay.
function visible(text) {
  return text
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/gu, (found) => String.fromCodePoint(0x2400 + found.codePointAt(0)))
    .replace(/[\u007f-\u009f\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]/gu, "\ufffd");
}

class Panel {
  // name: what errors call this side, or null where nothing can be marked.
  constructor(text, { id, label, language, hint, onselect }) {
    this.characters = Array.from(text);
    this.words = this.#wordsOf();
    this.marks = [];
    this.selected = null;
    this.cursor = null;
    this.anchor = null;
    this.onselect = onselect;
    this.node = build("div", {
      class: "text",
      id,
      lang: language,
      dir: "auto",
      tabindex: 0,
      role: "textbox",
      "aria-readonly": "true",
      "aria-multiline": "true",
      "aria-label": label,
      "aria-describedby": hint,
      spellcheck: "false",
      onkeydown: (event) => this.#key(event),
    });
    this.draw();
  }

  slice(span) {
    return this.characters.slice(span[0], span[1]).join("");
  }

  mark(marks) {
    this.marks = marks;
    this.draw();
  }

  clear() {
    this.selected = this.cursor = this.anchor = null;
    this.draw();
  }

  draw() {
    const cuts = new Set([0, this.characters.length]);
    for (const [start, end] of this.words) cuts.add(start).add(end);
    for (const { span } of this.marks) cuts.add(span[0]).add(span[1]);
    if (this.selected) cuts.add(this.selected[0]).add(this.selected[1]);
    const places = [...cuts].sort((one, other) => one - other);
    const inside = (span, start) => span && span[0] <= start && start < span[1];
    const cursor = this.cursor === null ? null : this.words[this.cursor];
    const pieces = places.slice(0, -1).map((start, at) => {
      const end = places[at + 1];
      const found = this.marks.filter(({ span }) => inside(span, start));
      const node = build(found.length ? "mark" : "span", { "data-start": start }, visible(this.slice([start, end])));
      if (found.length) node.className = `severity-${found[found.length - 1].severity}`;
      const last = found.filter(({ span }) => span[1] === end);
      if (last.length) node.dataset.number = last.map(({ number }) => number).join(",");
      if (inside(this.selected, start)) node.classList.add("selected");
      if (inside(cursor, start)) node.classList.add("cursor");
      return node;
    });
    this.node.replaceChildren(...pieces);
  }

  // Takes over what the browser has selected in this text. A collapsed selection in it clears; one elsewhere does not.
  takeSelection(selection) {
    if (!selection.rangeCount) return false;
    const range = selection.getRangeAt(0);
    if (!this.node.contains(range.startContainer) || !this.node.contains(range.endContainer)) return false;
    if (range.collapsed) return false;
    let start = this.#offset(range.startContainer, range.startOffset);
    let end = this.#offset(range.endContainer, range.endOffset);
    while (start < end && /\s/u.test(this.characters[start])) start += 1;
    while (end > start && /\s/u.test(this.characters[end - 1])) end -= 1;
    if (start === end) return false;
    this.selected = [start, end];
    this.onselect(this);
    return true;
  }

  #wordsOf() {
    const words = [];
    let start = null;
    this.characters.forEach((character, at) => {
      const space = /\s/u.test(character);
      if (!space && start === null) start = at;
      if (space && start !== null) {
        words.push([start, at]);
        start = null;
      }
    });
    if (start !== null) words.push([start, this.characters.length]);
    return words;
  }

  #offset(container, offset) {
    if (container === this.node) {
      const piece = this.node.childNodes[offset];
      return piece ? Number(piece.dataset.start) : this.characters.length;
    }
    const piece = container.nodeType === Node.TEXT_NODE ? container.parentNode : container;
    const before = container.nodeType === Node.TEXT_NODE ? container.data.slice(0, offset) : "";
    const whole = container.nodeType !== Node.TEXT_NODE && offset > 0 ? piece.textContent : before;
    return Number(piece.dataset.start) + Array.from(whole).length;
  }

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || !this.words.length) return;
    const last = this.words.length - 1;
    const now = this.cursor ?? -1;
    const steps = {
      ArrowRight: () => Math.min(now + 1, last),
      ArrowLeft: () => Math.max(now - 1, 0),
      ArrowDown: () => this.#near(now, 1),
      ArrowUp: () => this.#near(now, -1),
      Home: () => 0,
      End: () => last,
    };
    if (!(event.key in steps)) return;
    event.preventDefault();
    const next = steps[event.key]();
    if (!event.shiftKey || this.anchor === null) this.anchor = event.shiftKey && this.cursor !== null ? this.cursor : next;
    this.cursor = next;
    const [first, second] = [Math.min(this.anchor, next), Math.max(this.anchor, next)];
    this.selected = [this.words[first][0], this.words[second][1]];
    getSelection().removeAllRanges();
    this.draw();
    this.node.querySelector(".cursor").scrollIntoView({ block: "nearest" });
    this.onselect(this);
  }

  // The word of the next line, or the one before, that is closest to where the cursor is.
  #near(now, direction) {
    const boxOf = (at) => this.node.querySelector(`[data-start="${this.words[at][0]}"]`).getBoundingClientRect();
    if (now < 0) return 0;
    const here = boxOf(now);
    const middle = (here.left + here.right) / 2;
    let best = now;
    let found = null;
    for (let at = now + direction; at >= 0 && at < this.words.length; at += direction) {
      const box = boxOf(at);
      if (Math.abs(box.top - here.top) < here.height / 2) continue;
      if (found === null) found = box.top;
      if (Math.abs(box.top - found) >= here.height / 2) break;
      const distance = Math.abs((box.left + box.right) / 2 - middle);
      if (best === now || distance < Math.abs((boxOf(best).left + boxOf(best).right) / 2 - middle)) best = at;
    }
    return best === now ? (direction > 0 ? this.words.length - 1 : 0) : best;
  }
}
