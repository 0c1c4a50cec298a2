/** Examples: those of the document, and otherwise a value that a schema allows. */

import { resolve, view } from "./schema.js";

const BY_FORMAT = {
  "date-time": "2026-03-01T10:00:00Z",
  date: "2026-03-01",
  uuid: "0193a7c2-5e1b-7c3a-9f42-6d2b8e4c1a70",
  email: "ada@example.org",
  uri: "https://example.org/",
  "uri-reference": "/v1/customers/0193a7c2-5e1b-7c3a-9f42-6d2b8e4c1a70",
};

/** Return the examples of a body or a response as pairs of a title and a value. `wants` is that of `exampleOf`. */
export function examplesOf(root, media, wants) {
  if (media.example !== undefined) return [["Example", media.example]];
  const named = Object.entries(media.examples ?? {}).map(([name, each]) => [name, resolve(root, each)]);
  if (named.length) return named.map(([name, each]) => [each.summary ?? name, each.value]);
  return [["Example", exampleOf(root, media.schema, wants)]];
}

/**
 * Return an example of a schema. Of an object in a request, only the required fields are filled in. `words` has texts for
 * fields without an example, by the names of fields.
 */
export function exampleOf(root, given, wants = {}, above = [], field = null) {
  const { isRequest = false, words = {} } = wants;
  const { schema, name, alternatives, isNullable } = view(root, given);
  const own = ownExample(schema);
  if (own !== undefined) return own;
  if (name && above.includes(name)) return isNullable ? null : {};
  const path = name ? [...above, name] : above;
  if (alternatives.length) return exampleOf(root, alternatives[0], wants, path, field);
  if (schema.items) {
    const isRecursive = schema.items.$ref && path.includes(schema.items.$ref.split("/").pop());
    return isRecursive ? [] : [exampleOf(root, schema.items, wants, path, field)];
  }
  if (schema.properties) {
    const fields = Object.entries(schema.properties).filter(([each]) => !isRequest || schema.required?.includes(each));
    return Object.fromEntries(fields.map(([each, deeper]) => [each, exampleOf(root, deeper, wants, path, each)]));
  }
  return scalar(schema, words[field]);
}

/** Return the texts in the examples of all request bodies, by the names of their fields. */
export function wordsOf(operations) {
  const found = {};
  const collect = (value, field) => {
    if (typeof value === "string") found[field] ??= value;
    else if (Array.isArray(value)) value.forEach((each) => collect(each, field));
    else Object.entries(value ?? {}).forEach(([name, each]) => collect(each, name));
  };
  for (const { body } of operations)
    collect(body?.media.example ?? Object.values(body?.media.examples ?? {})[0]?.value, "");
  return found;
}

function ownExample(schema) {
  if (schema.examples?.length) return schema.examples[0];
  if (schema.example !== undefined) return schema.example;
  if (schema.default !== undefined && schema.default !== null) return schema.default;
  return "const" in schema ? schema.const : schema.enum?.[0];
}

function scalar(schema, word) {
  const type = [schema.type].flat()[0];
  if (type === "integer" || type === "number") {
    return schema.minimum ?? (schema.exclusiveMinimum === undefined ? 1 : schema.exclusiveMinimum + 1);
  }
  if (type === "boolean") return true;
  if (type === "string") return BY_FORMAT[schema.format] ?? word ?? "…";
  return type === "array" ? [] : {};
}
