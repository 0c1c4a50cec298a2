/** Texts: titles, and the basics of Markdown that descriptions use (paragraphs, lists, code, links, emphasis). */

import { code, element } from "./dom.js";

const INLINE = /`([^`]+)`|\[([^\]]+)\]\(((?:https?:\/\/|\/|#)[^)\s]*)\)|\*\*([^*]+)\*\*/g;
const ITEM = /^\s*[-*] /;

/** Return the nodes of a line of text. */
export function inline(text) {
  const nodes = [];
  let end = 0;
  for (const match of text.matchAll(INLINE)) {
    nodes.push(text.slice(end, match.index));
    const [whole, literal, label, address, strong] = match;
    if (literal) nodes.push(code(literal));
    else if (address) nodes.push(element("a", { href: address, rel: "noreferrer" }, ...inline(label)));
    else nodes.push(element("strong", {}, strong));
    end = match.index + whole.length;
  }
  return [...nodes, text.slice(end)].filter((node) => node !== "");
}

/** Return the paragraphs and lists of a text, or an empty list if there is no text. */
export function prose(text) {
  const blocks = (text ?? "")
    .trim()
    .split(/\n\s*\n/)
    .filter((block) => block !== "");
  return blocks.map((block) => {
    const lines = block.split("\n");
    if (!ITEM.test(lines[0])) return element("p", {}, ...inline(lines.map((line) => line.trim()).join(" ")));
    return element("ul", {}, ...items(lines).map((item) => element("li", {}, ...inline(item))));
  });
}

function items(lines) {
  const found = [];
  for (const line of lines) {
    if (ITEM.test(line)) found.push(line.replace(ITEM, ""));
    else found[found.length - 1] += ` ${line.trim()}`;
  }
  return found;
}

const ABBREVIATIONS = { api: "API", clv: "CLV", rfm: "RFM" };

/** Return the title of a tag or a service, such as `API keys` for `api-keys`. */
export function titleOf(name) {
  const [first, ...others] = name.split("-");
  return [ABBREVIATIONS[first] ?? first[0].toUpperCase() + first.slice(1), ...others].join(" ");
}
