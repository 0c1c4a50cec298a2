/** Code on the page: coloured JSON, a button that copies, and the choice of a language, shared by the whole page. */

import { element } from "./dom.js";

const TOKEN = /("(?:[^"\\]|\\.)*")(\s*:)?|\b(true|false|null)\b|(-?\b\d[\d.eE+-]*)/g;

/** Return a block of code. `text` may be a function, for a text that changes while the page is open. */
export function codeBlock(text, { isJson = false, label = "Code" } = {}) {
  const content = element("code");
  const read = typeof text === "function" ? text : () => text;
  const show = () => content.replaceChildren(...(isJson ? coloured(read()) : [read()]));
  show();
  // A region that scrolls must be reachable by the keyboard.
  const block = element(
    "div",
    { class: "code" },
    element("pre", { tabindex: "0", "aria-label": label }, content),
    copyButton(() => content.textContent),
  );
  block.show = show;
  return block;
}

function copyButton(read) {
  if (!navigator.clipboard) return null; // absent unless the page comes from this machine or by HTTPS
  const copy = async (event) => {
    await navigator.clipboard.writeText(read());
    event.target.textContent = "Copied";
    setTimeout(() => {
      event.target.textContent = "Copy";
    }, 1500);
  };
  return element("button", { type: "button", class: "copy", click: copy }, "Copy");
}

function coloured(text) {
  const nodes = [];
  let end = 0;
  for (const match of text.matchAll(TOKEN)) {
    const [whole, string, colon, word, number] = match;
    const kind = colon ? "key" : string ? "string" : word ? "word" : number ? "number" : "";
    const token = string ?? whole;
    nodes.push(text.slice(end, match.index), element("span", { class: kind }, token));
    end = match.index + token.length;
  }
  return [...nodes, text.slice(end)];
}

let count = 0;

/** Return a row of choices, of which the reader takes one: a group of radio buttons. */
export function choices(label, options, chosen, onchange) {
  count += 1;
  const name = `choice-${count}`;
  const radio = ([value, text]) =>
    element(
      "label",
      {},
      element("input", { type: "radio", name, value, checked: value === chosen, change: () => onchange(value) }),
      element("span", {}, text),
    );
  return element("fieldset", { class: "choices" }, element("legend", {}, label), ...options.map(radio));
}
