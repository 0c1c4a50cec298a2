/** The parts of the page beside the operations: events, webhooks, problems, codes of invalid values and scopes. */

import { codeBlock } from "./code.js";
import { code, disclosure, element, present } from "./dom.js";
import { exampleOf } from "./example.js";
import { fieldItems, IN_RESPONSE, schemaBlock } from "./fields.js";
import { resolve, view } from "./schema.js";
import { inline, prose } from "./text.js";

/** Return the messages of an AsyncAPI document by channel. */
export function channelsOf(events) {
  return Object.entries(events.channels).map(([id, channel]) => ({
    id,
    address: channel.address,
    messages: Object.values(channel.messages).map((each) => resolve(events, each)),
  }));
}

/**
 * Return an event, closed: its meaning, its data, and the request by which a webhook receives it. `webhook` is that of the
 * OpenAPI document, or undefined.
 */
export function eventBlock({ root, events, message, webhook, words }) {
  const key = message.bindings?.kafka?.key?.description;
  const [summary] = (view(events, message.payload).schema.description ?? message.summary ?? "").split(/(?<=\.)\s/);
  const request = webhook && webhookRequest(root, webhook);
  return disclosure({
    id: `event-${message.name}`,
    class: "operation",
    summary: [code(message.name, "path"), element("span", { class: "summary" }, ...inline(summary))],
    content: () =>
      element(
        "div",
        { class: "operation-content" },
        element(
          "div",
          { class: "operation-words" },
          ...present([
            ...prose(message.description),
            key && element("p", { class: "facts" }, "Order is kept per key: ", ...inline(key)),
            element("h4", {}, "Data"),
            schemaBlock(events, message.payload, IN_RESPONSE),
            element("h4", {}, "Delivery"),
            ...headerList(events, message),
            ...(request ? webhookParts(root, request) : []),
          ]),
        ),
        element(
          "div",
          { class: "operation-code" },
          codeBlock(JSON.stringify(eventExample({ root, events, message, request, words }), null, 2), {
            isJson: true,
            label: "Example",
          }),
        ),
      ),
  });
}

function webhookRequest(root, item) {
  const operation = Object.values(item).find((each) => each.requestBody) ?? {};
  const [type, media] = Object.entries(resolve(root, operation.requestBody).content ?? {})[0] ?? [];
  return { type, media, headers: (operation.parameters ?? []).map((each) => resolve(root, each)) };
}

function webhookParts(root, { type, media, headers }) {
  return [
    headers.length > 0 &&
      disclosure({
        class: "nested",
        summary: "Headers of a webhook",
        content: () => fieldItems(root, headers, IN_RESPONSE),
      }),
    media &&
      disclosure({
        class: "nested",
        summary: ["Body of a webhook ", code(type)],
        content: () => schemaBlock(root, media.schema, IN_RESPONSE),
      }),
  ];
}

function headerList(events, message) {
  const headers = message.headers && view(events, message.headers).schema;
  if (!headers?.properties) return [];
  return [
    disclosure({
      class: "nested",
      summary: "Headers in Kafka",
      content: () =>
        fieldItems(
          events,
          Object.entries(headers.properties).map(([name, schema]) => ({
            name,
            schema,
            isRequired: headers.required?.includes(name) ?? false,
          })),
          IN_RESPONSE,
        ),
    }),
  ];
}

/** Return an example of an event: that of a document, or one with the envelope of a webhook around its data. */
function eventExample({ root, events, message, request, words }) {
  if (request?.media?.example) return request.media.example;
  const data = message.examples?.[0]?.payload ?? exampleOf(events, message.payload, { words });
  if (!request?.media) return data;
  const envelope = exampleOf(root, request.media.schema);
  const headers = message.examples?.[0]?.headers ?? {};
  return Object.fromEntries(
    Object.entries({ ...envelope, data }).map(([name, value]) => [name, headers[`ce_${name}`] ?? value]),
  );
}

/** Return the table of the codes of problems. */
export function problemTable(root) {
  return table(
    ["Code", "Status", "Meaning", "Remedy"],
    Object.entries(root["x-problems"] ?? {}).map(([name, problem]) => ({
      id: `problem-${name}`,
      cells: [[code(name)], [String(problem.status)], inline(problem.title), inline(problem.explanation ?? "")],
    })),
  );
}

/** Return the table of the codes in `errors`. */
export function fieldCodeTable(root) {
  return table(
    ["Code", "Cause", "Remedy"],
    Object.entries(root["x-field-codes"] ?? {}).map(([name, each]) => ({
      id: `field-code-${name}`,
      cells: [[code(name)], inline(each.cause), inline(each.remedy)],
    })),
  );
}

/** Return the table of the scopes, each with the operations that require it. */
export function scopeTable(operations) {
  const scopes = [...new Set(operations.flatMap((each) => each.scopes))].sort();
  return table(
    ["Scope", "Operations"],
    scopes.map((scope) => ({
      id: `scope-${scope}`,
      cells: [
        [code(scope)],
        operations
          .filter((each) => each.scopes.includes(scope))
          .flatMap((each, index) => [
            index ? ", " : "",
            element("a", { href: `#${each.id}` }, each.summary ?? each.id),
          ]),
      ],
    })),
  );
}

function table(titles, rows) {
  return element(
    "div",
    { class: "table" },
    element(
      "table",
      {},
      element("thead", {}, element("tr", {}, ...titles.map((title) => element("th", { scope: "col" }, title)))),
      element(
        "tbody",
        {},
        ...rows.map(({ id, cells }) =>
          element("tr", { id, tabindex: "-1" }, ...cells.map((cell) => element("td", {}, ...present(cell)))),
        ),
      ),
    ),
  );
}
