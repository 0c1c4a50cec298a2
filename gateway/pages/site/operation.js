/** An operation of the API: its words, parameters, body, responses and samples. */

import { choices, codeBlock } from "./code.js";
import { code, disclosure, element, present } from "./dom.js";
import { exampleOf, examplesOf } from "./example.js";
import { fieldItems, IN_RESPONSE, schemaBlock } from "./fields.js";
import { LANGUAGES, sample } from "./samples.js";
import { resolve, view } from "./schema.js";
import { inline, prose } from "./text.js";

/** The end of a description, which the page shows in a place of its own. */
const REQUIRES_SCOPE = /\s*Requires the scope `[\w:-]+`\.$/;
const PLACES = { path: "Path parameters", query: "Query parameters", header: "Headers" };

/** What the reader chose for all samples of the page. The key is never stored and never sent. */
export const reader = { key: "", language: "curl" };
const SAMPLES_CHANGE = "samples-change";

export function changeReader(change) {
  Object.assign(reader, change);
  document.dispatchEvent(new Event(SAMPLES_CHANGE));
}

/** Return every operation of the document, in its order. */
export function operationsOf(root) {
  return Object.entries(root.paths).flatMap(([path, item]) =>
    Object.entries(item).filter(([, each]) => each.operationId).map(([method, each]) => ({
      ...each,
      id: each.operationId,
      method: method.toUpperCase(),
      path,
      tag: each.tags?.[0] ?? "other",
      description: (each.description ?? "").replace(REQUIRES_SCOPE, ""),
      scopes: [...new Set([each["x-scope"] ?? [], ...(each.security ?? []).map((one) => Object.values(one))].flat(2))],
      parameters: [...(item.parameters ?? []), ...(each.parameters ?? [])].map((one) => resolve(root, one)),
      body: bodyOf(root, each),
    })));
}

function bodyOf(root, operation) {
  const body = operation.requestBody && resolve(root, operation.requestBody);
  const [type, media] = Object.entries(body?.content ?? {})[0] ?? [];
  return media ? { type, media, isRequired: body.required ?? false, description: body.description } : null;
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
    content: () => element("div", { class: "operation-content" },
      element("div", { class: "operation-words" },
        ...prose(operation.description),
        facts(operation),
        ...parameters(root, operation, "path"),
        ...parameters(root, operation, "query"),
        ...body(root, operation),
        ...parameters(root, operation, "header"),
        ...responses(root, operation)),
      element("div", { class: "operation-code" }, ...codeColumn(root, operation, words))),
  });
}

function facts(operation) {
  return element("p", { class: "facts" },
    operation.scopes.length > 0 && "Scope ", ...operation.scopes.map((scope) => code(scope, "scope")),
    element("span", { class: "operation-id" }, "Operation ", code(operation.id)),
    element("a", { href: `/docs/try#/${operation.tag}/${operation.id}` }, "Try it"));
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
    element("h4", {}, "Request body", element("span", { class: "limit" }, type), !isRequired && element("span", { class: "limit" }, "optional")),
    ...prose(description),
    schemaBlock(root, media.schema),
  ];
}

function responses(root, operation) {
  const sorted = Object.entries(operation.responses ?? {}).sort(([a], [b]) => a.localeCompare(b));
  return [element("h4", {}, "Responses"), ...sorted.map(([status, each]) => responseBlock(root, status, resolve(root, each)))];
}

function responseBlock(root, status, response) {
  const [type, media] = Object.entries(response.content ?? {})[0] ?? [];
  const problems = problemsOf(root, response);
  const headers = Object.entries(response.headers ?? {});
  return disclosure({
    class: "response",
    summary: [
      element("span", { class: `status status-${status[0]}` }, status),
      problems.length ? element("span", {}, ...problems.flatMap(([name]) => [code(name), " "]))
        : element("span", {}, ...inline(sentence(status, response.description))),
    ],
    content: () => present([
      ...(problems.length ? [problemList(problems)] : []),
      ...(media && !problems.length ? [element("h5", {}, "Body ", element("span", { class: "limit" }, type)), schemaBlock(root, media.schema, IN_RESPONSE)] : []),
      problems.length > 0 && element("p", {}, "The body is a ", element("a", { href: "#problems" }, "problem document"), "."),
      !media && element("p", {}, "No body."),
      headers.length > 0 && disclosure({
        class: "nested",
        summary: ["Headers ", ...headers.flatMap(([name]) => [code(name), " "])],
        content: () => fieldItems(root, headers.map(([name, each]) => {
          const { schema = {}, description } = resolve(root, each);
          return { name, schema, description };
        }), IN_RESPONSE),
      }),
    ]),
  });
}

function sentence(status, description) {
  const isGeneric = !description || description === "Successful Response";
  return isGeneric ? { 200: "Success", 201: "Created", 202: "Accepted", 204: "Done, without a body" }[status] ?? "Response" : description;
}

function problemsOf(root, response) {
  const known = root["x-problems"] ?? {};
  const named = [...(response.description ?? "").matchAll(/`(\w+)`/g)].map(([, name]) => name);
  return response.content?.["application/problem+json"] ? named.filter((name) => known[name]).map((name) => [name, known[name]]) : [];
}

function problemList(problems) {
  return element("ul", { class: "problems" }, ...problems.map(([name, problem]) => element("li", {},
    element("a", { href: `#problem-${name}` }, code(name)), " ", ...inline(problem.title))));
}

function codeColumn(root, operation, words) {
  const examples = operation.body ? examplesOf(root, operation.body.media, { isRequest: true, words }) : [];
  let chosen = 0;
  const block = codeBlock(() => sample(reader.language, callOf(root, operation, examples[chosen]?.[1])), { label: "Request" });
  const languages = element("div");
  const showLanguages = () => languages.replaceChildren(
    choices("Request", Object.entries(LANGUAGES), reader.language, (language) => changeReader({ language })));
  const focusChosen = () => languages.contains(document.activeElement) && languages.querySelector(":checked").focus();
  document.addEventListener(SAMPLES_CHANGE, () => {
    block.show();
    if (languages.querySelector(":checked")?.value !== reader.language) {
      languages.querySelector(`[value="${reader.language}"]`).checked = true;
    }
    focusChosen();
  });
  showLanguages();
  const bodies = examples.length > 1 && choices("Example", examples.map(([title], index) => [String(index), title]), "0", (index) => {
    chosen = Number(index);
    block.show();
  });
  return [languages, bodies, block, ...responseExamples(root, operation, words)];
}

/** Return what `sample` needs to know of an operation: only required parameters, each with an example. */
function callOf(root, operation, value) {
  const { parameters: all, body: taken } = operation;
  return {
    ...reader,
    method: operation.method,
    path: operation.path,
    name: operation.id,
    tag: operation.tag,
    url: location.origin,
    takesArguments: all.length > 0 || taken !== null,
    hasResult: Object.entries(operation.responses).some(([status, each]) => status[0] === "2" && resolve(root, each).content),
    parameters: all.filter((each) => each.required).map((each) => {
      const { schema, name } = view(root, each.schema);
      const example = each.example ?? exampleOf(root, each.schema);
      return { name: each.name, in: each.in, value: example, format: schema.format, type: schema.enum ? name : null };
    }),
    body: taken && { type: taken.type, schema: taken.media.schema.$ref?.split("/").pop() ?? "Body", value },
  };
}

function responseExamples(root, operation, words) {
  const successes = Object.entries(operation.responses ?? {}).filter(([status]) => status[0] === "2");
  const byInterest = successes.sort(([one], [other]) => (other === "201") - (one === "201") || one.localeCompare(other));
  const found = byInterest.flatMap(([status, each]) => {
    const media = resolve(root, each).content?.["application/json"];
    return media ? examplesOf(root, media, { words }).map(([, value]) => [status, value]) : [];
  });
  if (!found.length) return [];
  let chosen = 0;
  const block = codeBlock(() => JSON.stringify(found[chosen][1], null, 2), { isJson: true, label: "Response" });
  const statuses = choices("Response", found.map(([status], index) => [String(index), status]), "0", (index) => {
    chosen = Number(index);
    block.show();
  });
  return [statuses, block];
}
