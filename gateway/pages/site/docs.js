/** The API reference: it reads the two documents and fills the page with them. */

import { sideBar } from "./contents.js";
import { code, element } from "./dom.js";
import { wordsOf } from "./example.js";
import { IN_RESPONSE, schemaBlock } from "./fields.js";
import { addressOpened, openAddressed, searchable } from "./navigation.js";
import { operationBlock, operationsOf, tagsOf } from "./operation.js";
import { changeReader } from "./panel.js";
import { channelsOf, eventBlock, fieldCodeTable, problemTable, scopeTable } from "./reference.js";
import { prose, titleOf } from "./text.js";

const byId = (id) => document.getElementById(id);
const navigation = byId("navigation");

async function read(address) {
  const response = await fetch(address);
  if (!response.ok) throw new Error(`${address}: ${response.status}`);
  return response.json();
}

async function show() {
  const [root, events] = await Promise.all([read("/openapi.json"), read("/asyncapi.json")]);
  const operations = operationsOf(root);
  const tags = tagsOf(root, operations);
  const words = wordsOf(operations);
  navigation.replaceChildren(...sideBar(root, events, tags));
  fill("about", ...prose(root.info.description));
  fill("version", root.info.version);
  fill("address", location.origin);
  fill("scheme", ...prose(Object.values(root.components?.securitySchemes ?? {})[0]?.description));
  fill("operations", ...tags.map((tag) => tagSection(root, tag, words)));
  fill("event-list", ...channelsOf(events).flatMap((channel) => channelBlocks(root, events, channel, words)));
  fill("problem-schema", schemaBlock(root, { $ref: "#/components/schemas/Problem" }, IN_RESPONSE));
  fill("problem-list", problemTable(root));
  fill("field-code-list", fieldCodeTable(root));
  fill("scope-list", scopeTable(operations));
  searchable(byId("search"), navigation, byId("found"));
  addressOpened(byId("main"));
  addEventListener("hashchange", () => openAddressed(navigation));
  openAddressed(navigation);
}

function fill(id, ...content) {
  byId(id).replaceChildren(...content);
}

function tagSection(root, tag, words) {
  const id = `tag-${tag.name}`;
  const anchor = element("a", { class: "anchor", href: `#${id}`, "aria-label": `Link to ${tag.title}` }, "#");
  const blocks = tag.operations.map((each) => operationBlock(root, each, words));
  return element(
    "section",
    { id, tabindex: "-1" },
    element("h2", {}, tag.title, " ", anchor),
    ...prose(tag.description),
    ...blocks,
  );
}

function channelBlocks(root, events, { id, address, messages }, words) {
  const topic = element("span", { class: "limit" }, "topic ", code(address));
  const blocks = messages.map((message) =>
    eventBlock({ root, events, message, webhook: root.webhooks?.[message.name], words }),
  );
  return [element("h3", {}, titleOf(id), topic), ...blocks];
}

function toggleMenu(isOpen) {
  document.body.classList.toggle("menu-open", isOpen);
  byId("menu").setAttribute("aria-expanded", String(isOpen));
}

byId("menu").addEventListener("click", () => toggleMenu(!document.body.classList.contains("menu-open")));
byId("key").addEventListener("input", (event) => changeReader({ key: event.target.value.trim() }));
navigation.addEventListener("click", (event) => {
  const clicked = event.target.closest("a");
  if (!clicked) return;
  toggleMenu(false);
  document.body.classList.remove("searching");
  if (clicked.hash && clicked.hash === location.hash) openAddressed(navigation); // no hashchange follows
});

show().catch((error) => {
  fill(
    "about",
    element("p", { role: "alert" }, `The documents cannot be read (${error.message}). Load the page again.`),
  );
});
