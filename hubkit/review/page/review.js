// The page of a reader: opens the data, shows item after item, keeps and exports the answers.

const head = JSON.parse(document.getElementById("head").textContent);
const words = JSON.parse(document.getElementById("words").textContent);
const app = document.getElementById("app");
const live = document.getElementById("live");
const store = new Store(head);

const VERDICTS = ["correct", "acceptable", "wrong", "unreadable"];
const SEVERITIES = ["neutral", "minor", "major", "critical"];
const TYPES = [
  "accuracy/mistranslation",
  "accuracy/omission",
  "accuracy/addition",
  "accuracy/untranslated",
  "terminology",
  "fluency",
];
const DIMENSIONS = [
  "existence_missed",
  "existence_invented",
  "side",
  "place",
  "severity",
  "size",
  "trend",
  "certainty",
  "device",
];
const BETTER = ["a", "b", "same"];

// Typing is kept a moment after the last key; a shut lid costs so much at the most.
const SAVE_AFTER_MS = 250;
// Without a key, a touch or a movement for so long, nobody is reading: the time of an item stands still.
const IDLE_MS = 180000;
// A second of the clock counts as two at the most, so that a night with the lid shut counts nothing.
const LONGEST_TICK_MS = 2000;
// How long a tab waits that takes the answers over: the other one keeps what was typed there last.
const HANDOVER_MS = 600;

let data = null; // what lies in the file: kind, items, order
let state = null; // what the reader did
let panels = {}; // the texts on the screen
let asking = null; // the error that is being marked
let dirty = null; // the timer of the next save
let frozen = false; // whether another tab writes
let broken = false; // whether the browser could not keep the answers
let lastInput = performance.now();
const tick = { last: null, reading: false };

function language() {
  return state ? state.language : head.language;
}

function say(name, values = {}) {
  const text = words[language()][name];
  return text.replace(/\{(\w+)\}/g, (_, key) => values[key]);
}

function announce(text) {
  live.textContent = "";
  // A text that comes back the same is read out only if it was gone in between.
  setTimeout(() => (live.textContent = text), 30);
}

function key(name) {
  return build("kbd", { "aria-hidden": "true" }, name);
}

function show(...nodes) {
  document.documentElement.lang = language() === "pt" ? "pt-BR" : "en";
  document.title = say(`title.${head.kind}`);
  app.replaceChildren(...nodes);
}

// ---------------------------------------------------------------- answers

function emptyAnswer() {
  const common = { seconds: 0, later: false };
  return head.kind === "translation"
    ? { ...common, verdict: null, errors: [], correction: null }
    : { ...common, better: null, would_sign: { a: null, b: null }, errors: { a: [], b: [] } };
}

function answerOf(id) {
  return state.answers[id] ?? emptyAnswer();
}

function errorsOf(answer, side) {
  return head.kind === "translation" ? answer.errors : answer.errors[side];
}

function stateOf(id) {
  const answer = answerOf(id);
  if (head.kind === "translation") {
    if (answer.verdict) return "done";
    return answer.errors.length || answer.correction !== null ? "begun" : "open";
  }
  const parts = [answer.better, answer.would_sign.a, answer.would_sign.b];
  if (parts.every((part) => part !== null)) return "done";
  const touched = parts.some((part) => part !== null) || answer.errors.a.length || answer.errors.b.length;
  return touched ? "begun" : "open";
}

function counts() {
  const found = { done: 0, begun: 0, open: 0 };
  for (const id of data.order) found[stateOf(id)] += 1;
  return found;
}

function here() {
  return data.order[state.place];
}

function change(act) {
  state.answers[here()] ??= emptyAnswer();
  act(state.answers[here()]);
  touch();
  drawProgress();
}

function exportedAnswers() {
  return data.order
    .filter((id) => stateOf(id) === "done")
    .map((id) => {
      const { later, ...answer } = state.answers[id];
      return { item: id, ...answer, seconds: Math.round(answer.seconds * 10) / 10 };
    });
}

// ---------------------------------------------------------------- keeping

function touch() {
  if (dirty !== null) clearTimeout(dirty);
  dirty = setTimeout(save, SAVE_AFTER_MS);
}

async function save() {
  if (dirty !== null) clearTimeout(dirty);
  dirty = null;
  if (frozen || !state) return;
  if (!store.mine()) {
    freeze();
    return;
  }
  state.saved = new Date().toISOString();
  try {
    await store.write(state);
    broken = false;
  } catch {
    broken = true;
  }
  drawSaved();
}

function drawSaved() {
  const node = document.querySelector(".saved");
  if (!node || !state) return;
  const time = state.saved ? new Date(state.saved).toLocaleTimeString(language(), { timeStyle: "short" }) : "";
  node.textContent = broken ? say("saved.not") : time ? say("saved", { time }) : "";
  node.classList.toggle("alert", broken);
}

async function freeze() {
  if (frozen) return;
  frozen = true;
  document.querySelectorAll("dialog[open]").forEach((dialog) => dialog.close());
  const again = build("button", { class: "first", onclick: takeOver }, say("tab.here"));
  show(
    build(
      "main",
      { class: "narrow" },
      build("div", { class: "card" }, build("h2", {}, say("tab.title")), build("p", {}, say("tab.text")), again),
    ),
  );
  again.focus();
}

async function takeOver() {
  store.take();
  await new Promise((done) => setTimeout(done, HANDOVER_MS));
  state = (await store.read()) ?? state;
  frozen = false;
  drawItem();
}

store.onTaken(async () => {
  if (!state || frozen) return;
  if (dirty !== null) {
    clearTimeout(dirty);
    dirty = null;
    // The other tab waits for this before it reads.
    await store.write(state).catch(() => {});
  }
  freeze();
});

setInterval(() => {
  const now = performance.now();
  const passed = Math.min(now - (tick.last ?? now), LONGEST_TICK_MS);
  tick.last = now;
  if (!tick.reading || document.hidden || frozen || now - lastInput > IDLE_MS) return;
  state.answers[here()] ??= emptyAnswer();
  state.answers[here()].seconds += passed / 1000;
}, 1000);

for (const name of ["pointermove", "pointerdown", "keydown", "wheel", "touchmove"]) {
  addEventListener(name, () => (lastInput = performance.now()), { passive: true, capture: true });
}
addEventListener("visibilitychange", () => document.hidden && state && save());
addEventListener("pagehide", () => state && save());
addEventListener("beforeunload", (event) => {
  if (state && (dirty !== null || (broken && counts().done))) event.preventDefault();
});

// ---------------------------------------------------------------- opening

function narrow(title, ...nodes) {
  const other = language() === "pt" ? "en" : "pt";
  const swap = build(
    "button",
    { class: "quiet", lang: other, onclick: () => turnLanguage(other), title: say("language.hint") },
    say("language"),
  );
  show(
    build(
      "main",
      { class: "narrow" },
      build("div", { class: "bar" }, build("h1", {}, say(`title.${head.kind}`)), swap),
      build("div", { class: "card" }, build("h2", {}, title), ...nodes),
    ),
  );
}

let redraw = () => {};

function turnLanguage(to) {
  if (state) {
    state.language = to;
    touch();
  } else head.language = to;
  redraw();
}

function drawUnlock(problem = null) {
  redraw = drawUnlock;
  if (head.cipher && !globalThis.crypto?.subtle) {
    narrow(say("unlock.title"), build("p", { class: "alert", role: "alert" }, say("unlock.browser")));
    return;
  }
  const input = build("input", {
    type: "password",
    id: "passphrase",
    autocomplete: "off",
    autocapitalize: "off",
    spellcheck: "false",
    required: true,
    "aria-describedby": "problem",
  });
  const shown = build("input", {
    type: "checkbox",
    onchange: (event) => (input.type = event.target.checked ? "text" : "password"),
  });
  const submit = build("button", { class: "first", type: "submit" }, say("unlock.open"));
  const message = build("p", { class: "alert", id: "problem", role: "alert" }, problem ?? "");
  const form = build(
    "form",
    {
      onsubmit: async (event) => {
        event.preventDefault();
        submit.textContent = say("unlock.opening");
        submit.disabled = true;
        message.textContent = "";
        try {
          await unlock(input.value);
        } catch (error) {
          message.textContent = say(error.name === "OperationError" ? "unlock.wrong" : "unlock.damaged");
          submit.textContent = say("unlock.open");
          submit.disabled = false;
          input.focus();
          input.select();
        }
      },
    },
    build("p", {}, say("unlock.text")),
    build("label", { class: "field" }, say("unlock.passphrase"), input),
    build("div", { class: "row" }, build("label", { class: "check" }, shown, say("unlock.show")), build("span", { class: "push" }, submit)),
    message,
  );
  narrow(say("unlock.title"), form, build("p", { class: "faint" }, `${say("reader")}: ${head.reader}. ${say("unlock.offline")}`));
  input.focus();
}

async function unlock(passphrase) {
  store.key = head.cipher ? await deriveKey(passphrase, head.kdf) : null;
  const text = document.getElementById("data").textContent;
  const closed = { cipher: head.cipher, data: head.cipher ? text : JSON.parse(text) };
  data = await openValue(closed, store.key, head, "page");
  if (store.take()) await new Promise((done) => setTimeout(done, HANDOVER_MS));
  const kept = await store.read();
  state = kept ?? {
    language: head.language,
    started: null,
    saved: null,
    may_be_named: null,
    years: null,
    place: 0,
    answers: {},
    shortcuts: true,
    exported: null,
  };
  if (state.exported) drawExported();
  else drawStart();
}

function drawStart() {
  redraw = drawStart;
  const years = build("input", { type: "number", min: 0, max: 80, inputmode: "numeric", value: state.years });
  const named = build("input", { type: "text", autocomplete: "off", spellcheck: "false", value: state.may_be_named });
  years.addEventListener("change", () => {
    state.years = years.value === "" ? null : Math.max(0, Math.min(80, Math.trunc(Number(years.value))));
    touch();
  });
  named.addEventListener("change", () => {
    state.may_be_named = named.value.trim() || null;
    touch();
  });
  const message = build("p", { role: "status" });
  const begin = build(
    "button",
    {
      class: "first",
      onclick: () => {
        state.started ??= new Date().toISOString();
        touch();
        drawItem();
      },
    },
    say(state.started ? "start.continue" : "start.begin"),
  );
  const { done } = counts();
  narrow(
    say("start.title"),
    build("p", {}, say(`start.${head.kind}`, { count: data.order.length })),
    build("p", {}, say("start.keys")),
    head.cipher ? build("p", {}, say("start.saves")) : build("p", {}, say("unlock.clear")),
    build("p", {}, say("start.ends")),
    build("label", { class: "field" }, say("start.years"), years),
    build("label", { class: "field" }, say("start.named"), named),
    done ? build("p", { class: "good" }, say("answered", { done, count: data.order.length })) : null,
    build("div", { class: "row" }, importButton(message), build("span", { class: "push" }, begin)),
    message,
  );
  begin.focus();
}

function importButton(message) {
  const input = build("input", { type: "file", accept: ".json", hidden: true, "aria-label": say("start.import") });
  input.addEventListener("change", async () => {
    try {
      const count = await importResult(await input.files[0].text());
      drawStart();
      document.querySelector("[role=status]").textContent = say("import.done", { count });
    } catch {
      message.textContent = say("import.wrong");
    }
  });
  return build("span", {}, build("button", { onclick: () => input.click() }, say("start.import")), input);
}

// Answers that this browser has already win over those of the file.
async function importResult(text) {
  const envelope = JSON.parse(text);
  if (envelope.review !== head.review || envelope.reader !== head.reader) throw new Error("another review");
  const { answers, ...reading } = await openValue(envelope, store.key, head, "result");
  let count = 0;
  for (const { item, ...answer } of answers) {
    if (!data.order.includes(item) || stateOf(item) === "done") continue;
    state.answers[item] = { ...emptyAnswer(), ...answer };
    count += 1;
  }
  state.started ??= reading.started;
  state.years ??= reading.years;
  state.may_be_named ??= reading.may_be_named;
  await save();
  return count;
}

// ---------------------------------------------------------------- items

function drawItem() {
  redraw = drawItem;
  asking = null;
  tick.reading = true;
  const id = here();
  const item = data.items[id];
  const body = head.kind === "translation" ? translationBody(item) : generationBody(item);
  show(
    topBar(),
    build("main", { tabindex: -1, id: "main" }, ...body),
    build(
      "footer",
      { class: "foot" },
      build("button", { onclick: () => go(-1), disabled: state.place === 0 }, say("previous"), key("P")),
      build("button", { "aria-pressed": answerOf(id).later, id: "later", onclick: toggleLater }, say("later"), key("L")),
      build("button", { class: "push", onclick: nextOpen }, say("unanswered"), key("U")),
      build("button", { class: "first", id: "next", onclick: () => go(1) }),
    ),
  );
  drawErrors();
  drawProgress();
  drawSaved();
  document.getElementById("main").focus({ preventScroll: true });
  scrollTo(0, 0);
}

function topBar() {
  const other = language() === "pt" ? "en" : "pt";
  return build(
    "header",
    { class: "top" },
    build("h1", {}, say(`item.${head.kind}`, { number: state.place + 1, count: data.order.length })),
    build("button", { class: "quiet", onclick: drawList }, say("item.list"), key("G")),
    build("span", { class: "saved faint push", role: "status" }),
    build("button", { class: "quiet", lang: other, onclick: () => turnLanguage(other), title: say("language.hint") }, say("language")),
    build("button", { class: "quiet", onclick: drawHelp }, say("help"), key("?")),
    build("button", { onclick: drawFinish }, say("finish"), key("F")),
    build("progress", { max: data.order.length, value: 0 }),
  );
}

function drawProgress() {
  const bar = document.querySelector(".top progress");
  if (!bar) return;
  const { done } = counts();
  bar.value = done;
  bar.setAttribute("aria-label", say("answered", { done, count: data.order.length }));
  const next = document.getElementById("next");
  next.replaceChildren(say(stateOf(here()) === "done" ? "next" : "skip"), key("N"));
}

function go(step) {
  const to = state.place + step;
  if (to < 0) return;
  if (to >= data.order.length) {
    drawFinish();
    return;
  }
  visit(to);
}

function visit(place) {
  state.place = place;
  touch();
  drawItem();
  announce(say(`item.${head.kind}`, { number: place + 1, count: data.order.length }));
}

function nextOpen() {
  const size = data.order.length;
  for (let step = 1; step <= size; step += 1) {
    const place = (state.place + step) % size;
    if (stateOf(data.order[place]) !== "done") {
      visit(place);
      return;
    }
  }
  drawFinish();
}

function toggleLater() {
  change((answer) => (answer.later = !answer.later));
  document.getElementById("later").setAttribute("aria-pressed", answerOf(here()).later);
}

function textPanel(name, text, lang) {
  const marked = head.kind === "translation";
  panels[name] = new Panel(text, {
    id: name,
    label: say(name),
    language: lang,
    hint: marked ? "panel-hint" : null,
    onselect: (panel) => {
      drawSelected();
      announce(say("selected", { text: panel.slice(panel.selected) }));
    },
  });
  return panels[name].node;
}

function choices(name, legend, options, chosen, act, extra = "") {
  return build(
    "fieldset",
    {},
    build("legend", {}, legend),
    build(
      "div",
      { class: `choices ${extra}` },
      ...options.map(({ value, label, hint, press }) =>
        build(
          "label",
          { class: "choice" },
          build("input", { type: "radio", name, value, checked: value === chosen, onchange: () => act(value) }),
          build("span", {}, build("b", {}, label), press ? key(press) : null, hint ? build("small", {}, hint) : null),
        ),
      ),
    ),
  );
}

function choose(name, value) {
  const input = app.querySelector(`input[name="${name}"][value="${value}"]`);
  input.checked = true;
  input.dispatchEvent(new Event("change"));
  announce(input.closest("label").querySelector("b").textContent);
}

// ---------------------------------------------------------------- a pair

function translationBody(item) {
  panels = {};
  const answer = answerOf(here());
  const section = item.section ? say(`section.${item.section}`) : "";
  const verdicts = VERDICTS.map((value, at) => ({
    value,
    label: say(`verdict.${value}`),
    hint: say(`verdict.${value}.hint`),
    press: String(at + 1),
  }));
  return [
    build("h2", {}, section),
    build(
      "div",
      { class: "pair" },
      build("section", { class: "card" }, build("h3", {}, say("source"), " ", key("S")), textPanel("source", item.source, "en")),
      build("section", { class: "card" }, build("h3", {}, say("target"), " ", key("T")), textPanel("target", item.target, "pt-BR")),
    ),
    build("p", { class: "unseen", id: "panel-hint" }, say("panel.hint")),
    build(
      "div",
      { class: "row bar", id: "marking" },
      build("button", { onclick: () => startError(null) }, say("error.add"), key("E")),
      build("button", { id: "correct", onclick: openCorrection }, say("correction.add"), key("C")),
      build("span", { class: "faint hint", id: "selected" }, say("selected.none")),
    ),
    build("div", { id: "ask" }),
    build("ul", { class: "errors", id: "errors", "aria-label": say("error.list") }),
    build("div", { id: "correction" }, answer.correction === null ? null : correctionField(answer.correction)),
    choices("verdict", say("verdict"), verdicts, answer.verdict, (value) => change((found) => (found.verdict = value))),
  ];
}

function drawSelected() {
  const node = document.getElementById("selected");
  if (!node) return;
  const parts = ["source", "target"]
    .filter((name) => panels[name]?.selected)
    .map((name) => `“${panels[name].slice(panels[name].selected)}”`);
  node.textContent = parts.length ? say("selected", { text: parts.join(" · ") }) : say("selected.none");
}

function clearSelections() {
  for (const panel of Object.values(panels)) panel.clear();
  drawSelected();
}

document.addEventListener("selectionchange", () => {
  if (head.kind !== "translation" || !tick.reading) return;
  const selection = getSelection();
  const taken = Object.values(panels).find((panel) => panel.takeSelection(selection));
  if (!taken) return;
  // The browser shows one selection; that of the other text is drawn.
  for (const panel of Object.values(panels)) if (panel !== taken && panel.selected) panel.draw();
});

function correctionField(text) {
  const area = build(
    "textarea",
    {
      id: "corrected",
      lang: "pt-BR",
      // A browser's spelling service, or an extension, could send what is typed to its maker.
      spellcheck: "false",
      autocomplete: "off",
      "data-gramm": "false",
      "data-enable-grammarly": "false",
      "aria-describedby": "correction-hint",
    },
  );
  area.value = text;
  area.addEventListener("input", () => change((answer) => (answer.correction = area.value)));
  area.addEventListener("blur", () => {
    const machine = panels.target.characters.join("");
    if (area.value.trim() === machine.trim() || !area.value.trim()) dropCorrection();
  });
  return build(
    "div",
    { class: "card" },
    build("label", { class: "field", for: "corrected" }, say("correction")),
    area,
    build(
      "div",
      { class: "row" },
      build("span", { class: "faint", id: "correction-hint" }, say("correction.hint")),
      build("button", { class: "quiet push", onclick: dropCorrection }, say("correction.drop")),
    ),
  );
}

function openCorrection() {
  const place = document.getElementById("correction");
  if (!place.firstChild) place.replaceChildren(correctionField(panels.target.characters.join("")));
  const area = document.getElementById("corrected");
  area.focus();
  area.scrollIntoView({ block: "nearest" });
}

function dropCorrection() {
  change((answer) => (answer.correction = null));
  document.getElementById("correction")?.replaceChildren();
}

// ---------------------------------------------------------------- a study

function generationBody(item) {
  panels = {};
  const answer = answerOf(here());
  const better = BETTER.map((value, at) => ({ value, label: say(`better.${value}`), press: String(at + 1) }));
  return [
    build(
      "div",
      { class: "study" },
      build(
        "section",
        { class: "side", "aria-label": say("images") },
        build("h3", {}, say("images"), " ", item.images.length ? key("I") : null),
        item.images.length ? pictures(item.images) : build("p", { class: "faint" }, say("images.none")),
      ),
      build(
        "div",
        {},
        build("section", { class: "card" }, build("h3", {}, say("reference")), textPanel("reference", item.reference, "pt-BR")),
        build("div", { class: "reports" }, report("a", item, answer), report("b", item, answer)),
        choices("better", say("better"), better, answer.better, (value) => change((found) => (found.better = value))),
      ),
    ),
  ];
}

function report(side, item, answer) {
  const signs = [true, false].map((value) => ({ value: String(value), label: say(value ? "sign.yes" : "sign.no") }));
  const chosen = answer.would_sign[side] === null ? null : String(answer.would_sign[side]);
  const sign = choices(`sign-${side}`, say("sign"), signs, chosen, (value) => change((found) => (found.would_sign[side] = value === "true")), "short");
  sign.querySelector("legend").append(" ", key(side === "a" ? "4" : "5"));
  return build(
    "section",
    { class: "card" },
    build("h3", {}, say(`report.${side}`)),
    textPanel(`report.${side}`, item[side], "pt-BR"),
    build("div", { class: "row bar" }, build("button", { onclick: () => startError(side) }, say(`error.add.${side}`), key(side.toUpperCase()))),
    build("div", { id: `ask-${side}` }),
    build("ul", { class: "errors", id: `errors-${side}`, "aria-label": say("error.list") }),
    sign,
  );
}

const pictureAddresses = new Map();

async function pictureAddress(number) {
  if (pictureAddresses.has(number)) return pictureAddresses.get(number);
  const node = document.getElementById(`image-${number}`);
  const text = node.textContent;
  const bytes = store.key
    ? await decrypt(store.key, { iv: node.dataset.iv }, text, labelOf(head, `image-${number}`))
    : fromBase64(text);
  const address = URL.createObjectURL(new Blob([bytes], { type: "image/jpeg" }));
  pictureAddresses.set(number, address);
  // Pictures of some studies back are made again when they are asked for.
  if (pictureAddresses.size > 24) {
    const [oldest] = pictureAddresses.keys();
    URL.revokeObjectURL(pictureAddresses.get(oldest));
    pictureAddresses.delete(oldest);
  }
  return address;
}

function picture(number, at) {
  const image = build("img", { alt: say("image", { number: at + 1 }) });
  pictureAddress(number).then((address) => (image.src = address));
  return image;
}

function pictures(numbers) {
  return build(
    "div",
    { class: "pictures" },
    ...numbers.map((number, at) =>
      build("button", { "aria-label": say("image.open", { number: at + 1 }), onclick: () => drawViewer(numbers, at) }, picture(number, at)),
    ),
  );
}

function drawViewer(numbers, first) {
  let at = first;
  const view = { zoom: 1, brightness: 1, contrast: 1, invert: false };
  const stage = build("div", { class: "stage", tabindex: 0 });
  const title = build("b", { role: "status" });
  const apply = () => {
    const image = stage.firstChild;
    const fit = Math.min(stage.clientWidth / image.naturalWidth, stage.clientHeight / image.naturalHeight) || 1;
    image.style.width = `${image.naturalWidth * fit * view.zoom}px`;
    image.style.filter = `brightness(${view.brightness}) contrast(${view.contrast}) invert(${view.invert ? 1 : 0})`;
  };
  const turn = (to) => {
    at = (to + numbers.length) % numbers.length;
    const image = picture(numbers[at], at);
    image.addEventListener("load", apply);
    stage.replaceChildren(image);
    title.textContent = `${say("image", { number: at + 1 })} / ${numbers.length}`;
  };
  const slider = (name, min, max) => {
    const input = build("input", { type: "range", min, max, step: 0.1, value: view[name] });
    input.addEventListener("input", () => {
      view[name] = Number(input.value);
      apply();
    });
    return { node: build("label", {}, say(`image.${name}`), input), input, name };
  };
  const sliders = [slider("zoom", 1, 6), slider("brightness", 0.3, 3), slider("contrast", 0.3, 4)];
  const move = (name, by) => {
    const { input } = sliders.find((each) => each.name === name);
    input.value = Number(input.value) + by;
    view[name] = Number(input.value);
    apply();
  };
  const invert = build("button", { "aria-pressed": "false", onclick: flip }, say("image.invert"), key("V"));
  function flip() {
    view.invert = !view.invert;
    invert.setAttribute("aria-pressed", view.invert);
    apply();
  }
  function reset() {
    Object.assign(view, { zoom: 1, brightness: 1, contrast: 1 });
    sliders.forEach(({ input }) => (input.value = 1));
    if (view.invert) flip();
    apply();
  }
  const several = numbers.length > 1;
  const dialog = openDialog(
    "viewer",
    say("images"),
    build(
      "div",
      { class: "row" },
      several ? build("button", { "aria-label": say("image.previous"), onclick: () => turn(at - 1) }, "‹", key("P")) : null,
      title,
      several ? build("button", { "aria-label": say("image.next"), onclick: () => turn(at + 1) }, "›", key("N")) : null,
      ...sliders.map(({ node }) => node),
      invert,
      build("button", { onclick: reset }, say("image.reset"), key("0")),
      build("button", { class: "push", onclick: () => dialog.close() }, say("help.close"), key("Esc")),
    ),
    stage,
  );
  dialog.addEventListener("keydown", (event) => {
    const acts = {
      n: () => turn(at + 1),
      p: () => turn(at - 1),
      "+": () => move("zoom", 0.5),
      "=": () => move("zoom", 0.5),
      "-": () => move("zoom", -0.5),
      v: flip,
      0: reset,
    };
    const act = acts[event.key.toLowerCase()];
    if (act && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      act();
    }
  });
  turn(first);
  stage.focus();
}

// ---------------------------------------------------------------- errors

function startError(side) {
  const place = document.getElementById(side ? `ask-${side}` : "ask");
  const back = document.activeElement;
  const spans = side ? {} : { source: panels.source.selected, target: panels.target.selected };
  asking = { side, place, spans, back, kind: null };
  const kinds = side ? DIMENSIONS : TYPES;
  ask(say(side ? "error.dimension" : "error.type"), kinds, side ? "dimension" : "type", (kind) => {
    asking.kind = kind;
    ask(say("error.severity"), SEVERITIES, "severity", addError);
  });
}

function ask(question, options, group, act) {
  const { place } = asking;
  asking.choose = (at) => at < options.length && act(options[at]);
  const buttons = options.map((option, at) => {
    const hint = words[language()][`${group}.${option}.hint`];
    return build(
      "button",
      { onclick: () => act(option) },
      build("span", {}, say(`${group}.${option}`), hint ? build("small", {}, hint) : null),
      key(String(at + 1)),
    );
  });
  const cancel = build("button", { class: "quiet", onclick: stopAsking }, say("error.cancel"), key("Esc"));
  place.replaceChildren(
    build(
      "div",
      { class: "ask", role: "group", "aria-label": question },
      build("p", {}, build("b", {}, question)),
      build("div", { class: "row" }, ...buttons, cancel),
    ),
  );
  buttons[0].focus();
  place.scrollIntoView({ block: "nearest" });
  announce(`${question} ${options.map((option, at) => `${at + 1}: ${say(`${group}.${option}`)}`).join(", ")}`);
}

function stopAsking() {
  const { place, back } = asking;
  asking = null;
  place.replaceChildren();
  (back?.isConnected && back !== document.body ? back : document.getElementById("main")).focus({ preventScroll: true });
}

function addError(severity) {
  const { side, spans, kind } = asking;
  const error = side
    ? { dimension: kind, severity, note: "" }
    : { type: kind, severity, source: spans.source, target: spans.target, note: "" };
  change((answer) => errorsOf(answer, side).push(error));
  stopAsking();
  if (!side) clearSelections();
  drawErrors();
  const number = errorsOf(answerOf(here()), side).length;
  const type = say(side ? `dimension.${kind}` : `type.${kind}`);
  announce(say("error.added", { number, type, severity: say(`severity.${severity}`) }));
}

function drawErrors() {
  const answer = answerOf(here());
  for (const side of head.kind === "translation" ? [null] : ["a", "b"]) {
    const list = document.getElementById(side ? `errors-${side}` : "errors");
    list.replaceChildren(...errorsOf(answer, side).map((error, at) => errorCard(error, at, side)));
    list.hidden = !list.firstChild;
  }
  if (head.kind !== "translation") return;
  for (const name of ["source", "target"]) {
    const marks = answer.errors.map((error, at) => ({ span: error[name], severity: error.severity, number: at + 1 }));
    panels[name].mark(marks.filter(({ span }) => span));
  }
}

function errorCard(error, at, side) {
  const number = at + 1;
  const edit = (act, again = true) => {
    change((answer) => act(errorsOf(answer, side)[at]));
    if (again) drawErrors();
  };
  const pick = (field, group, options) => {
    const label = say(field === "severity" ? "error.severity.label" : "error.type.label");
    const select = build(
      "select",
      { "aria-label": `${say("error.number", { number })}: ${label}` },
      ...options.map((option) => build("option", { value: option, selected: option === error[field] }, say(`${group}.${option}`))),
    );
    select.addEventListener("change", () => {
      edit((found) => (found[field] = select.value));
      document.querySelectorAll(`#${side ? `errors-${side}` : "errors"} li`)[at].querySelectorAll("select")[field === "severity" ? 1 : 0].focus();
    });
    return select;
  };
  const note = build("input", {
    type: "text",
    value: error.note,
    placeholder: say("error.note"),
    "aria-label": `${say("error.number", { number })}: ${say("error.note")}`,
    spellcheck: "false",
    autocomplete: "off",
    "data-gramm": "false",
  });
  note.addEventListener("input", () => edit((found) => (found.note = note.value), false));
  const remove = build(
    "button",
    {
      class: "quiet",
      "aria-label": say("error.delete", { number }),
      onclick: () => {
        change((answer) => errorsOf(answer, side).splice(at, 1));
        drawErrors();
        document.getElementById("main").focus({ preventScroll: true });
        announce(say("error.deleted"));
      },
    },
    "✕",
  );
  const kind = side ? pick("dimension", "dimension", DIMENSIONS) : pick("type", "type", TYPES);
  return build(
    "li",
    { class: error.severity },
    build("div", { class: "grid" }, build("span", { class: "number" }, String(number)), kind, pick("severity", "severity", SEVERITIES), note, remove),
    side ? null : where(error, edit),
  );
}

function where(error, edit) {
  const parts = ["source", "target"]
    .filter((name) => error[name])
    .map((name) => build("span", {}, build("q", {}, panels[name].slice(error[name])), ` ${say(`error.in.${name}`)}`));
  const use = build(
    "button",
    {
      onclick: () => {
        const spans = Object.entries(panels).filter(([, panel]) => panel.selected);
        if (!spans.length) {
          announce(say("selected.none"));
          return;
        }
        edit((found) => spans.forEach(([name, panel]) => (found[name] = panel.selected)), false);
        clearSelections();
        drawErrors();
      },
    },
    say("error.use"),
  );
  return build("div", { class: "where" }, ...parts, use);
}

// ---------------------------------------------------------------- dialogs

function openDialog(name, title, ...nodes) {
  const dialog = build("dialog", { class: name, "aria-label": title }, ...nodes);
  const back = document.activeElement;
  dialog.addEventListener("close", () => {
    dialog.remove();
    if (back?.isConnected) back.focus({ preventScroll: true });
  });
  app.append(dialog);
  dialog.showModal();
  return dialog;
}

function drawHelp() {
  const pair = [
    [["1", "2", "3", "4"], "verdict"],
    [["E"], "error"],
    [["S", "T"], "words"],
    [["C"], "correct"],
  ];
  const study = [
    [["1", "2", "3"], "better"],
    [["4"], "sign.a"],
    [["5"], "sign.b"],
    [["A"], "error.a"],
    [["B"], "error.b"],
    [["I"], "image"],
  ];
  const both = [
    [["N", "P"], "next"],
    [["U"], "unanswered"],
    [["L"], "later"],
    [["G"], "list"],
    [["F"], "finish"],
    [["Esc"], "escape"],
  ];
  const rows = [...(head.kind === "translation" ? pair : study), ...both].flatMap(([names, what]) => [
    build("dt", {}, ...names.flatMap((name) => [build("kbd", {}, name), " "])),
    build("dd", {}, say(`key.${what}`)),
  ]);
  const single = build("input", {
    type: "checkbox",
    checked: state.shortcuts,
    onchange: (event) => {
      state.shortcuts = event.target.checked;
      touch();
    },
  });
  const severities = SEVERITIES.flatMap((name) => [
    build("dt", {}, build("b", {}, say(`severity.${name}`))),
    build("dd", {}, say(`severity.${name}.hint`)),
  ]);
  const dialog = openDialog(
    "help",
    say("help.title"),
    build("h2", {}, say("help.title")),
    build("dl", {}, ...rows),
    build("h3", {}, say("help.severities")),
    build("dl", {}, ...severities),
    build(
      "div",
      { class: "row" },
      build("label", { class: "check" }, single, say("help.single")),
      build("button", { class: "first push", onclick: () => dialog.close() }, say("help.close")),
    ),
  );
}

function numbers(ids, act) {
  return build(
    "div",
    { class: "numbers" },
    ...ids.map((id) => {
      const place = data.order.indexOf(id);
      const later = answerOf(id).later;
      const states = [say(`state.${stateOf(id)}`), ...(later ? [say("state.later")] : [])].join(", ");
      const name = `${stateOf(id)}${later ? " later" : ""}`;
      const label = `${say(`item.${head.kind}`, { number: place + 1, count: data.order.length })}: ${states}`;
      const current = place === state.place ? "true" : null;
      return build("button", { class: name, title: states, "aria-label": label, "aria-current": current, onclick: () => act(place) }, String(place + 1));
    }),
  );
}

function drawList() {
  const dialog = openDialog(
    "list",
    say("item.list.title"),
    build("h2", {}, say("item.list.title")),
    numbers(data.order, (place) => {
      dialog.close();
      visit(place);
    }),
    build("button", { onclick: () => dialog.close() }, say("help.close")),
  );
  dialog.querySelector("[aria-current]").focus();
}

// ---------------------------------------------------------------- the end

function drawFinish() {
  redraw = drawFinish;
  tick.reading = false;
  const { done } = counts();
  const parts = [
    ["begun", (id) => stateOf(id) === "begun"],
    ["open", (id) => stateOf(id) === "open"],
    ["later", (id) => answerOf(id).later],
  ];
  const lists = parts.flatMap(([name, wanted]) => {
    const ids = data.order.filter(wanted);
    return ids.length ? [build("h3", {}, say(`finish.${name}`)), numbers(ids, visit)] : [];
  });
  const whole = done === data.order.length;
  narrow(
    say("finish.title"),
    build("p", { class: whole ? "good" : null }, whole ? say("finish.all") : say("finish.count", { done, count: data.order.length })),
    ...lists,
    build(
      "div",
      { class: "row" },
      build("button", { onclick: drawItem }, say("finish.back")),
      build("button", { class: "first push", id: "export", onclick: exportResult, disabled: done === 0 }, say("finish.export")),
    ),
  );
  document.getElementById(done ? "export" : "app").focus();
}

function fileName() {
  return `${head.reader}.review.json`;
}

async function exportResult() {
  state.saved = new Date().toISOString();
  const result = {
    review: head.review,
    reader: head.reader,
    kind: head.kind,
    language: state.language,
    started: state.started,
    saved: state.saved,
    may_be_named: state.may_be_named,
    years: state.years,
    answers: exportedAnswers(),
  };
  const closed = await closeValue(result, store.key, head, "result");
  const envelope = { hubkit_review: 1, review: head.review, reader: head.reader, ...(head.kdf ? { kdf: head.kdf } : {}), ...closed };
  const address = URL.createObjectURL(new Blob([JSON.stringify(envelope)], { type: "application/json" }));
  build("a", { href: address, download: fileName() }).click();
  setTimeout(() => URL.revokeObjectURL(address), 60000);
  state.exported = state.saved;
  await save();
  drawExported();
}

function drawExported() {
  redraw = drawExported;
  tick.reading = false;
  narrow(
    say("finish.title"),
    build("p", { role: "status" }, say("finish.exported", { file: fileName() })),
    build("p", {}, say(head.cipher ? "finish.send" : "finish.send.clear")),
    build("p", {}, build("b", {}, say("finish.ask"))),
    build(
      "div",
      { class: "row" },
      build("button", { class: "first", id: "wipe", onclick: wipe }, say("finish.yes")),
      build("button", { onclick: exportResult }, say("finish.again")),
    ),
    build("p", {}),
    build("button", { class: "quiet", onclick: backFromExport }, say("finish.back")),
  );
  document.getElementById("wipe").focus();
}

function backFromExport() {
  state.exported = null;
  touch();
  drawItem();
}

async function wipe() {
  if (dirty !== null) clearTimeout(dirty);
  dirty = null;
  const spoken = state.language;
  await store.wipe();
  state = null;
  data = null;
  head.language = spoken;
  redraw = drawWiped;
  drawWiped();
}

function drawWiped() {
  narrow(
    say("finish.title"),
    build("p", { class: "good", role: "status" }, say("finish.wiped")),
    build("p", {}, say("finish.reopen")),
  );
}

// ---------------------------------------------------------------- keys

function cycleSign(side) {
  const now = answerOf(here()).would_sign[side];
  choose(`sign-${side}`, now === true ? "false" : "true");
}

const COMMON_KEYS = {
  n: () => go(1),
  p: () => go(-1),
  u: nextOpen,
  l: toggleLater,
  g: drawList,
  f: drawFinish,
  "?": drawHelp,
};

const PAIR_KEYS = {
  ...Object.fromEntries(VERDICTS.map((verdict, at) => [String(at + 1), () => choose("verdict", verdict)])),
  e: () => startError(null),
  c: openCorrection,
  s: () => panels.source.node.focus(),
  t: () => panels.target.node.focus(),
};

const STUDY_KEYS = {
  ...Object.fromEntries(BETTER.map((better, at) => [String(at + 1), () => choose("better", better)])),
  4: () => cycleSign("a"),
  5: () => cycleSign("b"),
  a: () => startError("a"),
  b: () => startError("b"),
  i: () => app.querySelector(".pictures button")?.click(),
};

document.addEventListener("keydown", (event) => {
  if (!tick.reading || frozen || document.querySelector("dialog[open]")) return;
  const field = event.target.closest?.("textarea, select, input[type=text]");
  if (event.key === "Escape") {
    if (asking) stopAsking();
    else if (field) document.getElementById("main").focus({ preventScroll: true });
    else if (head.kind === "translation") clearSelections();
    return;
  }
  if (event.key === "Enter" && event.ctrlKey) {
    event.preventDefault();
    field?.blur();
    go(1);
    return;
  }
  if (field || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  const name = event.key.toLowerCase();
  if (asking && /^[1-9]$/.test(name)) {
    event.preventDefault();
    asking.choose(Number(name) - 1);
    return;
  }
  const onControl = event.target.closest?.("button, input, a");
  if (event.key === "Enter" && !onControl && !asking) {
    event.preventDefault();
    go(1);
    return;
  }
  if (!state.shortcuts || asking) return;
  const act = { ...COMMON_KEYS, ...(head.kind === "translation" ? PAIR_KEYS : STUDY_KEYS) }[name];
  if (!act) return;
  event.preventDefault();
  act();
});

if (head.cipher) drawUnlock();
else unlock(null).catch(() => drawUnlock(say("unlock.damaged")));
