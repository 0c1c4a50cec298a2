/** Schemas, read: references resolved, null taken out of unions, and limits in words. Nothing here touches the page. */

const MAX_REFERENCES = 10;

/** Return the value at a reference such as `#/components/schemas/Customer`, or undefined. */
export function lookUp(root, reference) {
  const names = reference.replace(/^#\//, "").split("/");
  return names.reduce((value, name) => value?.[name.replaceAll("~1", "/").replaceAll("~0", "~")], root);
}

/** Return an object without its reference: the target's members, with those beside the reference on top. */
export function resolve(root, value) {
  let found = value ?? {};
  for (let count = 0; found.$ref && count < MAX_REFERENCES; count += 1) {
    const { $ref, ...beside } = found;
    found = { ...lookUp(root, $ref), ...beside };
  }
  return found;
}

/**
 * Return how a schema reads: its own keywords in `schema`, the `name` of its component, whether it may be null, and
 * its `alternatives` if there are several.
 */
export function view(root, given) {
  const name = given?.$ref?.split("/").pop() ?? null;
  const schema = merged(root, resolve(root, given));
  const { anyOf, oneOf, ...own } = schema;
  const types = [own.type].flat().filter((type) => type !== undefined);
  const union = (anyOf ?? oneOf ?? []).filter((each) => !isNull(each));
  const isNullable = union.length < (anyOf ?? oneOf ?? []).length || (types.length > 1 && types.includes("null"));
  if (union.length === 1) {
    const only = view(root, union[0]);
    return {
      ...only,
      name: only.name ?? name,
      schema: { ...only.schema, ...own },
      isNullable: isNullable || only.isNullable,
    };
  }
  if (types.length > 1) own.type = types.filter((type) => type !== "null");
  return { schema: own, name, isNullable, alternatives: union };
}

function isNull(schema) {
  return schema.type === "null" || (schema.const === null && "const" in schema);
}

/** Return a schema with the members of its `allOf` in it. */
function merged(root, schema) {
  if (!schema.allOf) return schema;
  const { allOf, ...own } = schema;
  return [...allOf.map((part) => merged(root, resolve(root, part))), own].reduce(
    (whole, part) => ({
      ...whole,
      ...part,
      properties: { ...whole.properties, ...part.properties },
      required: [...(whole.required ?? []), ...(part.required ?? [])],
    }),
    {},
  );
}

/** Return the type of a schema in a few words, such as `array of Line or null`. */
export function typeText(root, given) {
  const { schema, name, isNullable, alternatives } = view(root, given);
  const text = alternatives.length
    ? unique(alternatives.map((each) => typeText(root, each))).join(" or ")
    : ownType(root, schema, name);
  return isNullable ? `${text} or null` : text;
}

function ownType(root, schema, name) {
  const type = [schema.type].flat().join(" or ");
  if (type === "array") return schema.items ? `array of ${typeText(root, schema.items)}` : "array";
  if (type === "object" || schema.properties) {
    if (name) return label(name);
    const values = schema.additionalProperties;
    return values?.type || values?.$ref ? `map of ${typeText(root, values)}` : "object";
  }
  if (schema.format && schema.format !== "binary") return schema.format === "uuid" ? "UUID" : schema.format;
  if (type) return type;
  return "const" in schema ? typeof schema.const : "any value";
}

/** Return the name of a schema as it is shown: in the document of events, names begin with the type of the event. */
export function label(name) {
  return name.replace(/^[a-z_.]+\.v\d+\./, "");
}

/** Return the limits of a schema in words, and those of an array's items. */
export function limits(root, given) {
  const { schema } = view(root, given);
  const texts = [
    range(schema.minLength, schema.maxLength, "character"),
    range(schema.minItems, schema.maxItems, "item"),
    range(schema.minProperties, schema.maxProperties, "field"),
    numbers(schema),
    schema.multipleOf !== undefined && `a multiple of ${schema.multipleOf}`,
    schema.uniqueItems && "no item twice",
    schema.pattern && `matches ${schema.pattern}`,
    schema.readOnly && "read-only",
    schema.writeOnly && "write-only",
    schema.deprecated && "deprecated",
  ].filter(Boolean);
  const ofItems = schema.items ? limits(root, schema.items).map((text) => `each ${text}`) : [];
  return [...texts, ...ofItems];
}

function range(least, most, unit) {
  if (least === undefined && most === undefined) return null;
  const units = (count) => `${count.toLocaleString("en")} ${unit}${count === 1 ? "" : "s"}`;
  if (most === undefined) return least === 0 ? null : `at least ${units(least)}`;
  if (!least) return `at most ${units(most)}`;
  return least === most ? units(most) : `${least.toLocaleString("en")}–${units(most)}`;
}

function numbers(schema) {
  const low =
    schema.minimum !== undefined
      ? `≥ ${schema.minimum.toLocaleString("en")}`
      : schema.exclusiveMinimum !== undefined && `> ${schema.exclusiveMinimum.toLocaleString("en")}`;
  const high =
    schema.maximum !== undefined
      ? `≤ ${schema.maximum.toLocaleString("en")}`
      : schema.exclusiveMaximum !== undefined && `< ${schema.exclusiveMaximum.toLocaleString("en")}`;
  return [low, high].filter(Boolean).join(", ");
}

/** Return the values that a schema, or the items of an array, are limited to. */
export function values(root, given) {
  const { schema, alternatives } = view(root, given);
  if ("const" in schema) return [schema.const];
  if (schema.enum) return schema.enum.filter((value) => value !== null);
  if (schema.items) return values(root, schema.items);
  return unique(alternatives.flatMap((each) => values(root, each)));
}

/** Return the schemas one level deeper that have fields: those of an array's items, of a map, or of each alternative. */
export function inner(root, given) {
  const { schema, alternatives } = view(root, given);
  if (alternatives.length) return alternatives.flatMap((each) => inner(root, each));
  if (schema.items) return inner(root, schema.items);
  if (schema.properties && Object.keys(schema.properties).length) return [given];
  const entries = schema.additionalProperties;
  return entries !== null && typeof entries === "object" ? inner(root, entries) : [];
}

export function unique(list) {
  return [...new Set(list)];
}
