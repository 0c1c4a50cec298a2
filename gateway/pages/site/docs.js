/** The documentation page: it reads the two documents and shows them. */

import { code, element, present } from "./dom.js";
import { wordsOf } from "./example.js";
import { addressOpened, fieldNames, group, link, openAddressed, searchable } from "./navigation.js";
import { changeReader, operationBlock, operationsOf } from "./operation.js";
import { channelsOf, eventBlock, fieldCodeTable, problemTable, scopeTable } from "./reference.js";
import { IN_RESPONSE, schemaBlock } from "./fields.js";
import { inline, prose } from "./text.js";

const navigation = document.getElementById("navigation");
const main = document.getElementById("main");

async function read(address) {
  const response = await fetch(address);
  if (!response.ok) throw new Error(`${address}: ${response.status}`);
  return response.json();
}

function section(id, title, ...content) {
  return element("section", { id, tabindex: "-1" }, element("h2", {}, title, element("a", { href: `#${id}`, class: "anchor", "aria-label": `Link to ${title}` }, "#")), ...present(content));
}

function title(tag) {
  const words = tag.replaceAll("-", " ");
  return words === "api keys" ? "API keys" : words === "clv" || words === "rfm" ? words.toUpperCase() : words[0].toUpperCase() + words.slice(1);
}

/** Return the tags with their operations. Both are in the order of the paths, in which each service defines them. */
function tagsOf(root, operations) {
  const names = [...new Set(operations.map(({ tag }) => tag))];
  return names.map((name) => {
    const members = operations.filter(({ tag }) => tag === name);
    const described = (root.tags ?? []).find((tag) => tag.name === name);
    return { name, title: title(name), description: described?.description, service: members[0]["x-service"] ?? "api", operations: members };
  });
}

function overview(root, operations) {
  const scheme = Object.values(root.components?.securitySchemes ?? {})[0];
  const input = element("input", {
    id: "key", type: "password", autocomplete: "off", spellcheck: "false", placeholder: "rap_…",
    input: (event) => changeReader({ key: event.target.value.trim() }),
  });
  return [
    section("overview", "Overview", ...prose(root.info.description),
      element("p", {}, `Version ${root.info.version}. `, `${operations.length} operations. The base address is `, code(location.origin), ".")),
    section("authentication", "Authentication", ...prose(scheme?.description),
      element("p", {}, "Send the key as ", code("Authorization: Bearer rap_…"), ". ", element("a", { href: "#scopes" }, "Scopes"), " lists what each scope allows."),
      element("p", { class: "key" }, element("label", { for: "key" }, "Your key, for the samples"), input,
        element("small", {}, "It stays in this page: it is neither stored nor sent."))),
  ];
}

function events(root, document, words) {
  const blocks = channelsOf(document).flatMap(({ id, address, messages }) => [
    element("h3", {}, title(id), element("span", { class: "limit" }, "topic ", code(address))),
    ...messages.map((message) => eventBlock({ root, events: document, message, webhook: root.webhooks?.[message.name], words })),
  ]);
  return section("events", "Events and webhooks", ...prose(document.info?.description),
    element("p", {}, "Each change is published as an event: to Kafka, in the ", element("a", { href: "#list_events" }, "event feed"),
      root.webhooks ? ", and to the webhook endpoints of the tenant. " : ". ", "Readers ignore fields that they do not know."),
    ...blocks);
}

function errors(root) {
  const problem = root.components?.schemas?.Problem && { $ref: "#/components/schemas/Problem" };
  return [
    section("problems", "Problems", element("p", {}, "Every error is a problem document (RFC 9457). ", code("code"), " is for programs, ", code("detail"), " for people."),
      problem && schemaBlock(root, problem, IN_RESPONSE), problemTable(root)),
    section("field-codes", "Codes of invalid values", element("p", {}, "The codes in ", code("errors"), " of a problem."), fieldCodeTable(root)),
  ];
}

function links(root, tags, eventDocument) {
  const services = [...new Set(tags.map(({ service }) => service))];
  const operationLink = (each) => link({
    id: each.id, label: each.summary ?? each.id, method: each.method,
    words: `${each.path} ${each.description ?? ""} ${each.tag} ${each.scopes.join(" ")}`,
    fields: () => [...each.parameters.map(({ name }) => name), ...fieldNames(root, each.body?.media.schema)].join(" "),
  });
  const list = (...items) => element("ul", {}, ...items);
  return [
    element("section", {}, list(link({ id: "overview", label: "Overview" }), link({ id: "authentication", label: "Authentication", words: "api key bearer token" }),
      link({ address: "/docs/guide", label: "Guide" }), link({ address: "/docs/try", label: "Try it", words: "swagger" }))),
    ...services.map((service) => element("section", {}, element("h2", {}, title(service)),
      ...tags.filter((tag) => tag.service === service).map((tag) => group(tag.title, tag.operations.map(operationLink))))),
    element("section", {}, element("h2", {}, "Events and webhooks"),
      ...channelsOf(eventDocument).map(({ id, messages }) => group(title(id), messages.map((message) => link({
        id: `event-${message.name}`, label: message.name.split(".")[1] ?? message.name, words: `${message.name} ${message.summary ?? ""} event webhook`,
        fields: () => fieldNames(eventDocument, message.payload).join(" "),
      }))))),
    element("section", {}, element("h2", {}, "Reference"), list(
      link({ id: "problems", label: "Problems", words: `errors ${Object.keys(root["x-problems"] ?? {}).join(" ")}` }),
      link({ id: "field-codes", label: "Codes of invalid values", words: Object.keys(root["x-field-codes"] ?? {}).join(" ") }),
      link({ id: "scopes", label: "Scopes", words: "permissions" }))),
  ];
}

async function show() {
  const [root, eventDocument] = await Promise.all([read("/openapi.json"), read("/asyncapi.json")]);
  const operations = operationsOf(root);
  const tags = tagsOf(root, operations);
  const words = wordsOf(operations);
  navigation.replaceChildren(...links(root, tags, eventDocument));
  main.replaceChildren(...present([
    ...overview(root, operations),
    ...tags.map((tag) => section(`tag-${tag.name}`, tag.title, ...prose(tag.description), ...tag.operations.map((each) => operationBlock(root, each, words)))),
    events(root, eventDocument, words),
    ...errors(root),
    section("scopes", "Scopes", element("p", {}, "An API key has some of these scopes. Each operation requires one."), scopeTable(operations)),
  ]));
  searchable(document.getElementById("search"), navigation, document.getElementById("found"));
  addressOpened(main);
  addEventListener("hashchange", () => openAddressed(navigation));
  openAddressed(navigation);
}

const menu = document.getElementById("menu");
const toggleMenu = (isOpen) => {
  document.body.classList.toggle("menu-open", isOpen);
  menu.setAttribute("aria-expanded", String(isOpen));
};
menu.addEventListener("click", () => toggleMenu(!document.body.classList.contains("menu-open")));
navigation.addEventListener("click", (event) => {
  const clicked = event.target.closest("a");
  if (!clicked) return;
  toggleMenu(false);
  document.body.classList.remove("searching");
  if (clicked.hash === location.hash) openAddressed(navigation); // no hashchange follows
});

show().catch((error) => {
  main.replaceChildren(element("p", { role: "alert" }, ...inline(`The documents cannot be read (${error.message}). Load the page again.`)));
});
