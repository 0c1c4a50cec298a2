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

/** Return the examples of a body or a response as pairs of a title and a value. */
export function examplesOf(root, media, wants = {}) {
  if (media.example !== undefined) return [["Example", media.example]];
  const named = Object.entries(media.examples ?? {}).map(([name, each]) => [name, resolve(root, each)]);
  if (named.length) return named.map(([name, each]) => [each.summary ?? name, each.value]);
  return [["Example", exampleOf(root, media.schema, wants)]];
}

/** Return an example of a schema. Of an object in a request, only the required fields are filled in. */
export function exampleOf(root, given, { isRequest = false } = {}, above = []) {
  const { schema, name, alternatives, isNullable } = view(root, given);
  const own = ownExample(schema);
  if (own !== undefined) return own;
  if (name && above.includes(name)) return isNullable ? null : {};
  const path = name ? [...above, name] : above;
  if (alternatives.length) return exampleOf(root, alternatives[0], { isRequest }, path);
  if (schema.items) {
    const recursive = schema.items.$ref && path.includes(schema.items.$ref.split("/").pop());
    return recursive ? [] : [exampleOf(root, schema.items, { isRequest }, path)];
  }
  if (schema.properties) {
    const fields = Object.entries(schema.properties).filter(([field]) => !isRequest || schema.required?.includes(field));
    return Object.fromEntries(fields.map(([field, each]) => [field, exampleOf(root, each, { isRequest }, path)]));
  }
  return scalar(schema);
}

function ownExample(schema) {
  if (schema.examples?.length) return schema.examples[0];
  if (schema.example !== undefined) return schema.example;
  if (schema.default !== undefined && schema.default !== null) return schema.default;
  return "const" in schema ? schema.const : schema.enum?.[0];
}

function scalar(schema) {
  const type = [schema.type].flat()[0];
  if (type === "integer" || type === "number") {
    return schema.minimum ?? (schema.exclusiveMinimum === undefined ? 1 : schema.exclusiveMinimum + 1);
  }
  if (type === "boolean") return true;
  if (type === "string") return BY_FORMAT[schema.format] ?? "…";
  return type === "array" ? [] : {};
}
