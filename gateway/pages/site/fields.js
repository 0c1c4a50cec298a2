/** Schemas, shown: an indented list of fields. Deeper fields are built when they are opened. */

import { code, disclosure, element } from "./dom.js";
import { inner, label, limits, typeText, values, view } from "./schema.js";
import { prose } from "./text.js";

const OPEN_LEVELS = 1;
const FEW_FIELDS = 12;
/** Where a field occurs: in a request or a response, and the names of the schemas around it. */
const IN_REQUEST = { isResponse: false, above: [] };
export const IN_RESPONSE = { isResponse: true, above: [] };

/** Return what a schema is: for bodies, for what a list or a union holds, and for the data of events. */
export function schemaBlock(root, schema, place = IN_REQUEST) {
  const { schema: own, name, alternatives } = view(root, schema);
  const deeper =
    own.properties && !alternatives.length
      ? [fieldList(root, schema, place)]
      : nested(root, schema, inside(place, name));
  return element(
    "div",
    { class: "schema" },
    element("p", { class: "type" }, typeText(root, schema), ...limits(root, schema).map((text) => `, ${text}`)),
    ...prose(own.description),
    valueList(root, schema),
    ...deeper,
  );
}

/** Return a list of fields, parameters or headers, the required ones first. */
export function fieldItems(root, fields, place = IN_REQUEST) {
  const sorted = place.isResponse
    ? fields
    : [...fields].sort((one, other) => Number(other.isRequired) - Number(one.isRequired));
  return element("ul", { class: "fields" }, ...sorted.map((each) => fieldItem(root, each, place)));
}

function fieldList(root, given, place) {
  const { schema, name } = view(root, given);
  const fields = Object.entries(schema.properties ?? {}).map(([field, each]) => ({
    name: field,
    schema: each,
    isRequired: schema.required?.includes(field) ?? false,
  }));
  return fieldItems(root, fields, inside(place, name));
}

function inside(place, name) {
  return name ? { ...place, above: [...place.above, name] } : place;
}

function fieldItem(root, { name, schema, isRequired, description = null }, place) {
  const { schema: own } = view(root, schema);
  return element(
    "li",
    { class: "field" },
    element(
      "div",
      { class: "field-head" },
      code(name, "field-name"),
      element("span", { class: "type" }, typeText(root, schema)),
      presence(isRequired, place),
      ...limits(root, schema).map((text) => element("span", { class: "limit" }, text)),
      own.default !== undefined &&
        own.default !== null &&
        element("span", { class: "limit" }, "default ", literal(own.default)),
    ),
    ...prose(description || own.description || ofItems(root, own)),
    valueList(root, schema),
    exampleLine(own),
    ...nested(root, schema, place),
  );
}

/** Return what is not to be expected: a field that a request must have, or that a response may lack. */
function presence(isRequired, { isResponse }) {
  if (isResponse) return isRequired === false && element("span", { class: "limit" }, "may be absent");
  return isRequired && element("span", { class: "required" }, "required");
}

function ofItems(root, schema) {
  return schema.items ? view(root, schema.items).schema.description : null;
}

function literal(value) {
  return code(typeof value === "string" ? value : JSON.stringify(value));
}

function valueList(root, schema) {
  const found = values(root, schema);
  if (!found.length) return null;
  const label = found.length === 1 ? "Always " : "One of ";
  return element("p", { class: "values" }, label, ...found.flatMap((value) => [literal(value), " "]));
}

function exampleLine(schema) {
  const example = schema.examples?.[0] ?? schema.example;
  if (example === undefined || typeof example === "object") return null;
  return element("p", { class: "values" }, "Example ", literal(example));
}

function nested(root, given, place) {
  return inner(root, given).map((schema) => {
    const { schema: own, name } = view(root, schema);
    if (name && place.above.includes(name)) {
      return element("p", { class: "values" }, "The fields of ", code(label(name)), ", as above.");
    }
    return disclosure({
      class: "nested",
      summary: ["Fields", ...(name ? [" of ", code(label(name))] : [])],
      content: () => fieldList(root, schema, place),
      isOpen: place.above.length <= OPEN_LEVELS && Object.keys(own.properties).length <= FEW_FIELDS,
    });
  });
}
