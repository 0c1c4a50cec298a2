/** The side bar: a link to everything on the page, in groups. */

import { element } from "./dom.js";
import { fieldNames, group, link } from "./navigation.js";
import { channelsOf } from "./reference.js";
import { titleOf } from "./text.js";

/** Return the sections of the side bar. */
export function sideBar(root, events, tags) {
  const services = [...new Set(tags.map(({ service }) => service))];
  const groups = (service) => tags.filter((tag) => tag.service === service).map((tag) => tagGroup(root, tag));
  return [
    element(
      "section",
      {},
      list(
        link({ id: "overview", label: "Overview" }),
        link({ id: "authentication", label: "Authentication", words: "api key bearer token" }),
        link({ address: "/docs/guide", label: "Guide" }),
        link({ address: "/docs/try", label: "Try it", words: "swagger" }),
      ),
    ),
    ...services.map((service) => section(titleOf(service), ...groups(service))),
    section("Events and webhooks", ...channelsOf(events).map((channel) => channelGroup(events, channel))),
    section(
      "Reference",
      list(
        link({ id: "problems", label: "Problems", words: `errors ${codes(root["x-problems"])}` }),
        link({ id: "field-codes", label: "Codes of invalid values", words: codes(root["x-field-codes"]) }),
        link({ id: "scopes", label: "Scopes", words: "permissions" }),
      ),
    ),
  ];
}

function section(title, ...content) {
  return element("section", {}, element("h2", {}, title), ...content);
}

function list(...items) {
  return element("ul", {}, ...items);
}

function codes(table) {
  return Object.keys(table ?? {}).join(" ");
}

function tagGroup(root, tag) {
  return group(
    tag.title,
    tag.operations.map((operation) => operationLink(root, operation)),
  );
}

function operationLink(root, { id, summary, method, path, description, tag, scopes, parameters, body }) {
  return link({
    id,
    label: summary ?? id,
    method,
    words: [path, description, tag, ...scopes].join(" "),
    fields: () => [...parameters.map(({ name }) => name), ...fieldNames(root, body?.media.schema)].join(" "),
  });
}

function channelGroup(events, { id, messages }) {
  return group(
    titleOf(id),
    messages.map((message) => eventLink(events, message)),
  );
}

function eventLink(events, { name, summary, payload }) {
  return link({
    id: `event-${name}`,
    label: name.split(".")[1] ?? name,
    words: `${name} ${summary ?? ""} event webhook`,
    fields: () => fieldNames(events, payload).join(" "),
  });
}
