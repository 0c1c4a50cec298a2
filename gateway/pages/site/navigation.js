/** Navigation: links, a search over them, and addresses that open what they name. */

import { element } from "./dom.js";
import { unique, view } from "./schema.js";

const SEARCHED_LEVELS = 4;

/** Return the link of an entry: an operation, an event or a section. Its `words` are what the search reads first. */
export function link({ id = "", address = `#${id}`, label, method = null, words = "", fields = () => "" }) {
  const created = element(
    "a",
    { href: address },
    method && element("span", { class: `method ${method}` }, method),
    element("span", {}, label),
  );
  const item = element("li", {}, created);
  item.words = `${id} ${label} ${method ?? ""} ${words}`.toLowerCase();
  let known = null;
  item.fields = () => (known ??= fields().toLowerCase());
  return item;
}

/** Return a group of links that opens and closes. */
export function group(label, links) {
  return element("details", {}, element("summary", {}, label), element("ul", {}, ...links));
}

/** Return the names of the fields of a schema and of those in it, for the search. */
export function fieldNames(root, given, level = 0) {
  if (!given || level > SEARCHED_LEVELS) return [];
  const { schema, alternatives } = view(root, given);
  const deeper = [...alternatives, schema.items, ...Object.values(schema.properties ?? {})].filter(Boolean);
  return unique([
    ...Object.keys(schema.properties ?? {}),
    ...deeper.flatMap((each) => fieldNames(root, each, level + 1)),
  ]);
}

/** Connect the search box: it leaves the links that have all words in their names, or else in their fields. */
export function searchable(box, navigation, status) {
  const show = () => {
    const words = box.value
      .toLowerCase()
      .split(/\s+/)
      .filter((word) => word !== "");
    const links = [...navigation.querySelectorAll("li")];
    const within = (read) => links.filter((item) => words.every((word) => read(item).includes(word)));
    const named = within((item) => item.words);
    const matches = new Set(named.length || !words.length ? named : within((item) => `${item.words} ${item.fields()}`));
    for (const item of links) item.hidden = !matches.has(item);
    for (const details of navigation.querySelectorAll("details")) {
      details.hidden = ![...details.querySelectorAll("li")].some((item) => matches.has(item));
      if (words.length) details.open = !details.hidden;
    }
    for (const heading of navigation.querySelectorAll("section"))
      heading.hidden = !heading.querySelector("li:not([hidden])");
    document.body.classList.toggle("searching", words.length > 0);
    status.textContent = words.length ? `${matches.size} found` : "";
  };
  box.addEventListener("input", show);
  box.addEventListener("keydown", (event) => {
    const first = navigation.querySelector("li:not([hidden]) a");
    if (event.key === "Enter" && first) first.click();
    if (event.key === "ArrowDown" && first) {
      event.preventDefault();
      first.focus();
    }
    if (event.key === "Escape") {
      box.value = "";
      show();
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.target.matches("input, select, textarea")) return;
    event.preventDefault();
    box.focus();
  });
  navigation.addEventListener("keydown", (event) => moveFocus(event, navigation));
  return show;
}

function moveFocus(event, navigation) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step) return;
  const visible = [...navigation.querySelectorAll("a, summary")].filter((each) => each.checkVisibility());
  const next = visible[visible.indexOf(document.activeElement) + step];
  if (next) {
    event.preventDefault();
    next.focus();
  }
}

/** Open and show what the address names, and mark its link. Return whether there is such a thing. */
export function openAddressed(navigation) {
  const id = decodeURIComponent(location.hash.slice(1));
  const target = id && document.getElementById(id);
  for (const each of navigation.querySelectorAll("[aria-current]")) each.removeAttribute("aria-current");
  if (!target) return false;
  if (target.matches("details")) {
    target.fill();
    target.open = true;
  }
  target.scrollIntoView();
  (target.querySelector(":scope > summary") ?? target).focus({ preventScroll: true });
  const marked = navigation.querySelector(`a[href="#${CSS.escape(id)}"]`);
  if (marked) {
    marked.setAttribute("aria-current", "true");
    const around = marked.closest("details");
    if (around) around.open = true;
    marked.scrollIntoView({ block: "nearest" });
  }
  return true;
}

/** Put an operation that the reader opens into the address, so that the address can be passed on. */
export function addressOpened(main) {
  main.addEventListener(
    "toggle",
    (event) => {
      const { target } = event;
      if (target.matches(".operation") && target.open && location.hash !== `#${target.id}`) {
        history.replaceState(null, "", `#${target.id}`);
      }
    },
    true,
  );
}
