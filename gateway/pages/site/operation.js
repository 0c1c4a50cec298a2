/** An operation of the API: its words, parameters, body, responses and samples. */

import { code, disclosure, element } from "./dom.js";
import { fieldItems, IN_RESPONSE, schemaBlock } from "./fields.js";
import { codePanel } from "./panel.js";
import { resolve } from "./schema.js";
import { inline, prose, titleOf } from "./text.js";

/** The end of a description, which the page shows in a place of its own. */
const REQUIRES_SCOPE = /\s*Requires the scope `[\w:-]+`\.$/;
const PLACES = { path: "Path parameters", query: "Query parameters", header: "Headers" };

/** Return every operation of the document, in its order. */
export function operationsOf(root) {
  return Object.entries(root.paths).flatMap(([path, item]) =>
    Object.entries(item)
      .filter(([, each]) => each.operationId)
      .map(([method, each]) => ({
        ...each,
        id: each.operationId,
        method: method.toUpperCase(),
        path,
        tag: each.tags?.[0] ?? "other",
        description: (each.description ?? "").replace(REQUIRES_SCOPE, ""),
        scopes: [
          ...new Set([each["x-scope"] ?? [], ...(each.security ?? []).map((one) => Object.values(one))].flat(2)),
        ],
        parameters: [...(item.parameters ?? []), ...(each.parameters ?? [])].map((one) => resolve(root, one)),
        body: bodyOf(root, each),
      })),
  );
}

function bodyOf(root, operation) {
  const body = operation.requestBody && resolve(root, operation.requestBody);
  const [type, media] = Object.entries(body?.content ?? {})[0] ?? [];
  return media ? { type, media, isRequired: body.required ?? false, description: body.description } : null;
}

/** Return the tags with their operations. Both are in the order of the paths, in which each service defines them. */
export function tagsOf(root, operations) {
  const names = [...new Set(operations.map(({ tag }) => tag))];
  return names.map((name) => {
    const members = operations.filter(({ tag }) => tag === name);
    const description = root.tags?.find((tag) => tag.name === name)?.description;
    return { name, title: titleOf(name), description, service: members[0]["x-service"] ?? "api", operations: members };
  });
}

/** Return an operation, closed. Its content is built when it is opened. */
export function operationBlock(root, operation, words) {
  return disclosure({
    id: operation.id,
    class: "operation",
    summary: [
      element("span", { class: `method ${operation.method}` }, operation.method),
      code(operation.path, "path"),
      element("span", { class: "summary" }, operation.summary ?? operation.id),
      operation.deprecated && element("span", { class: "required" }, "deprecated"),
    ],
    content: () =>
      element(
        "div",
        { class: "operation-content" },
        element(
          "div",
          { class: "operation-words" },
          ...prose(operation.description),
          facts(operation),
          ...parameters(root, operation, "path"),
          ...parameters(root, operation, "query"),
          ...body(root, operation),
          ...parameters(root, operation, "header"),
          ...responses(root, operation),
        ),
        element("div", { class: "operation-code" }, ...codePanel(root, operation, words)),
      ),
  });
}

function facts(operation) {
  return element(
    "p",
    { class: "facts" },
    operation.scopes.length > 0 && "Scope ",
    ...operation.scopes.map((scope) => code(scope, "scope")),
    element("span", { class: "operation-id" }, "Operation ", code(operation.id)),
    element("a", { href: `/docs/try#/${operation.tag}/${operation.id}` }, "Try it"),
  );
}

function parameters(root, operation, place) {
  const found = operation.parameters.filter((each) => each.in === place);
  if (!found.length) return [];
  const fields = found.map((each) => ({ ...each, isRequired: each.required, schema: each.schema ?? {} }));
  return [element("h4", {}, PLACES[place]), fieldItems(root, fields)];
}

function body(root, operation) {
  if (!operation.body) return [];
  const { type, media, isRequired, description } = operation.body;
  return [
    element(
      "h4",
      {},
      "Request body",
      element("span", { class: "limit" }, type),
      !isRequired && element("span", { class: "limit" }, "optional"),
    ),
    ...prose(description),
    schemaBlock(root, media.schema),
  ];
}

function responses(root, operation) {
  const sorted = Object.entries(operation.responses ?? {}).sort(([a], [b]) => a.localeCompare(b));
  return [
    element("h4", {}, "Responses"),
    ...sorted.map(([status, each]) => responseBlock(root, status, resolve(root, each))),
  ];
}

function responseBlock(root, status, response) {
  const problems = problemsOf(root, response);
  const title = problems.length ? problems.flatMap(([name]) => [code(name), " "]) : inline(sentence(status, response));
  return disclosure({
    class: "response",
    summary: [element("span", { class: `status status-${status[0]}` }, status), element("span", {}, ...title)],
    content: () => [...(problems.length ? problemList(problems) : success(root, response)), headerList(root, response)],
  });
}

function success(root, response) {
  const [type, media] = Object.entries(response.content ?? {})[0] ?? [];
  if (!media) return [element("p", {}, "No body.")];
  return [
    element("h5", {}, "Body ", element("span", { class: "limit" }, type)),
    schemaBlock(root, media.schema, IN_RESPONSE),
  ];
}

function headerList(root, response) {
  const headers = Object.entries(response.headers ?? {}).map(([name, each]) => ({ name, ...resolve(root, each) }));
  if (!headers.length) return null;
  return disclosure({
    class: "nested",
    summary: ["Headers ", ...headers.flatMap(({ name }) => [code(name), " "])],
    content: () =>
      fieldItems(
        root,
        headers.map(({ name, schema = {}, description }) => ({ name, schema, description })),
        IN_RESPONSE,
      ),
  });
}

const SUCCESSES = { 200: "Success", 201: "Created", 202: "Accepted", 204: "Done, without a body" };

function sentence(status, { description }) {
  const isGeneric = !description || description === "Successful Response";
  return isGeneric ? (SUCCESSES[status] ?? "Response") : description;
}

function problemsOf(root, response) {
  const known = root["x-problems"] ?? {};
  const named = [...(response.description ?? "").matchAll(/`(\w+)`/g)].map(([, name]) => name);
  return response.content?.["application/problem+json"]
    ? named.filter((name) => known[name]).map((name) => [name, known[name]])
    : [];
}

function problemList(problems) {
  const items = problems.map(([name, problem]) =>
    element("li", {}, element("a", { href: `#problem-${name}` }, code(name)), " ", ...inline(problem.title)),
  );
  const link = element("a", { href: "#problems" }, "problem document");
  return [element("ul", { class: "problems" }, ...items), element("p", {}, "The body is a ", link, ".")];
}
