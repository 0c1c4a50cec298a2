/**
 * A request as code: curl, and a call with each SDK. The names are those that the SDKs' generators make of the
 * operation's id, its tag and its schemas.
 */

const ENVIRONMENT = "RAPPORT_API_KEY";
/** The file that samples upload. */
const FILE = "customers.csv";
export const LANGUAGES = { curl: "curl", python: "Python", typescript: "TypeScript", java: "Java", go: "Go" };

/**
 * Return the sample of a call in a language. A call has `method`, `path`, `name`, `tag`, the `url` of the API, the `key`
 * or "", `parameters` as a list of {name, in, value, format, type}, `body` as {type, schema, value, isFile} or null,
 * and `hasResult`.
 */
export function sample(language, call) {
  return { curl, python, typescript, java, go }[language](call);
}

function curl(call) {
  const lines = [
    `curl ${call.method === "GET" || (call.method === "POST" && call.body) ? "" : `-X ${call.method} `}${quoted(address(call))}`,
  ];
  lines.push(
    `-H ${call.key ? quoted(`Authorization: Bearer ${call.key}`) : `"Authorization: Bearer $${ENVIRONMENT}"`}`,
  );
  for (const { name, value } of located(call, "header")) lines.push(`-H ${quoted(`${name}: ${value}`)}`);
  if (call.body) {
    lines.push(`-H ${quoted(`Content-Type: ${call.body.type}`)}`);
    if (call.body.isFile) lines.push(`--data-binary @${FILE}`);
    else lines.push(`-d ${quoted(JSON.stringify(call.body.value, null, 2))}`);
  }
  return lines.join(" \\\n  ");
}

function address(call) {
  const path = located(call, "path").reduce(
    (text, each) => text.replace(`{${each.name}}`, encodeURIComponent(each.value)),
    call.path,
  );
  const query = located(call, "query")
    .map(({ name, value }) => `${name}=${encodeURIComponent(value)}`)
    .join("&");
  return `${call.url}${path}${query && `?${query}`}`;
}

function quoted(text) {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function located(call, place) {
  return call.parameters.filter((parameter) => parameter.in === place);
}

function python(call) {
  const kinds = call.parameters.map(({ format }) => format);
  const times = ["date", "datetime"].filter((name) => kinds.includes({ date: "date", datetime: "date-time" }[name]));
  const standard = [
    "import os",
    times.length && `from datetime import ${times.join(", ")}`,
    call.body?.isFile && "from pathlib import Path",
    kinds.includes("uuid") && "from uuid import UUID",
  ];
  const imports = [
    ...standard.filter(Boolean),
    "",
    "from rapport_client import AuthenticatedClient",
    `from rapport_client.api.${snake(call.tag)} import ${call.name}`,
    ...(call.body && !call.body.isFile ? [`from rapport_client.models import ${call.body.schema}`] : []),
    ...(call.body?.isFile ? ["from rapport_client.types import File"] : []),
  ];
  const read = { "date-time": "datetime.fromisoformat", date: "date.fromisoformat", uuid: "UUID" };
  const handed = call.parameters.map(
    ({ name, value, format }) =>
      `${pythonName(name)}=${read[format] ? `${read[format]}(${JSON.stringify(value)})` : pythonValue(value)}`,
  );
  if (call.body?.isFile) handed.push(`body=File(payload=Path("${FILE}").open("rb"))`);
  else if (call.body) handed.push(`body=${call.body.schema}.from_dict(${pythonValue(call.body.value, "    ")})`);
  return [
    ...imports,
    "",
    `client = AuthenticatedClient(base_url=${JSON.stringify(call.url)}, token=os.environ["${ENVIRONMENT}"])`,
    `result = ${call.name}.sync(${argumentList("client=client", handed)})`,
  ].join("\n");
}

/** Return arguments on a line each, or the first alone. */
function argumentList(first, others) {
  return others.length ? `\n${[first, ...others].map((each) => `    ${each},\n`).join("")}` : first;
}

function pythonName(name) {
  return ["from", "in", "is", "not", "global", "class"].includes(name) ? `${name}_` : snake(name);
}

function pythonValue(value, indent = "") {
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value !== "object") return JSON.stringify(value);
  return collection(value, indent, (name) => JSON.stringify(name), pythonValue, true);
}

/** Return a list or an object over several lines, or on a single line if it is empty. */
function collection(value, indent, key, write, hasTrailingComma) {
  const [open, close] = Array.isArray(value) ? "[]" : "{}";
  const inside = `${indent}    `;
  const parts = Array.isArray(value)
    ? value.map((each) => write(each, inside))
    : Object.entries(value).map(([name, each]) => `${key(name)}: ${write(each, inside)}`);
  if (!parts.length) return open + close;
  return `${open}\n${inside}${parts.join(`,\n${inside}`)}${hasTrailingComma ? "," : ""}\n${indent}${close}`;
}

function typescript(call) {
  const groups = [
    ["path", "path"],
    ["query", "query"],
    ["headers", "header"],
  ].map(([member, place]) => [
    member,
    Object.fromEntries(located(call, place).map(({ name, value }) => [name, value])),
  ]);
  const members = groups
    .filter(([, each]) => Object.keys(each).length)
    .map(([member, each]) => `${member}: ${scriptValue(each, "    ")}`);
  const isFile = call.body?.isFile;
  if (isFile) members.push(`body: await openAsBlob("${FILE}")`);
  else if (call.body) members.push(`body: ${scriptValue(call.body.value, "    ")}`);
  const name = camel(call.name);
  return [
    ...(isFile ? ['import { openAsBlob } from "node:fs";'] : []),
    `import { ${name} } from "rapport-client";`,
    'import { createClient } from "rapport-client/client";',
    "",
    `const client = createClient({ baseUrl: ${JSON.stringify(call.url)}, auth: process.env.${ENVIRONMENT} });`,
    `const { data, error } = await ${name}({${
      members.length
        ? argumentList("client", members)
        : " client "
    }});`,
  ].join("\n");
}

function scriptValue(value, indent = "") {
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  return collection(
    value,
    indent,
    (name) => (/^[A-Za-z_$][\w$]*$/.test(name) ? name : JSON.stringify(name)),
    scriptValue,
    true,
  );
}

function java(call) {
  const api = `${pascal(call.tag)}Api`;
  const method = camel(call.name);
  const read = { "date-time": "OffsetDateTime.parse", date: "LocalDate.parse", uuid: "UUID.fromString" };
  const value = (each) => {
    if (each.type) return `${each.type}.fromValue(${JSON.stringify(each.value)})`;
    return read[each.format] ? `${read[each.format]}(${JSON.stringify(each.value)})` : JSON.stringify(each.value);
  };
  const settings = call.parameters.map((each) => `.${camel(each.name)}(${value(each)})`);
  if (call.body) settings.push(`.${call.body.isFile ? "body" : decapitalized(call.body.schema)}(body)`);
  const request = call.takesArguments
    ? [
        `var request = ${api}.API${pascal(call.name)}Request.newBuilder()`,
        ...settings.map((each) => `    ${each}`),
        "    .build();",
      ]
    : [];
  const isFile = call.body?.isFile;
  const text =
    call.body && JSON.stringify(call.body.value, null, 4).replaceAll("\\", "\\\\").split("\n").join("\n    ");
  return [
    "var client = new ApiClient();",
    `client.updateBaseUri(${JSON.stringify(call.url)});`,
    "client.setRequestInterceptor(",
    `    builder -> builder.header("Authorization", "Bearer " + System.getenv("${ENVIRONMENT}")));`,
    "",
    ...(isFile ? [`var body = new java.io.File("${FILE}");`] : []),
    ...(call.body && !isFile
      ? [`var body = client.getObjectMapper().readValue("""\n    ${text}\n    """, ${call.body.schema}.class);`]
      : []),
    ...request,
    `${call.hasResult ? "var result = " : ""}new ${api}(client).${method}(${call.takesArguments ? "request" : ""});`,
  ].join("\n");
}

function go(call) {
  const place = (each) => (each.type ? `rapport.${each.type}(${JSON.stringify(each.value)})` : goValue(each));
  const inPath = [...call.path.matchAll(/\{(\w+)\}/g)].map(([, name]) =>
    call.parameters.find((each) => each.name === name),
  );
  const others = call.parameters.filter((each) => each.in !== "path");
  const isFile = call.body?.isFile;
  const chain = [
    `client.${pascal(call.tag)}API.${pascal(call.name)}(${["ctx", ...inPath.map(place)].join(", ")})`,
    ...(call.body ? [`${isFile ? "Body" : pascal(call.body.schema)}(body)`] : []),
    ...others.map((each) => `${pascal(each.name)}(${place(each)})`),
    "Execute()",
  ].join(".");
  const body = call.body && JSON.stringify(call.body.value, null, "\t").replaceAll("`", '` + "`" + `');
  return [
    "configuration := rapport.NewConfiguration()",
    `configuration.Servers = rapport.ServerConfigurations{{URL: ${JSON.stringify(call.url)}}}`,
    "client := rapport.NewAPIClient(configuration)",
    `ctx := context.WithValue(context.Background(), rapport.ContextAccessToken, os.Getenv("${ENVIRONMENT}"))`,
    "",
    ...(isFile ? [`body, err := os.Open("${FILE}")`, "if err != nil {", "\tlog.Fatal(err)", "}"] : []),
    ...(call.body && !isFile
      ? [
          `var body rapport.${pascal(call.body.schema)}`,
          `if err := json.Unmarshal([]byte(\`${body}\`), &body); err != nil {`,
          "\tlog.Fatal(err)",
          "}",
        ]
      : []),
    `${call.hasResult ? "result, _, err" : "_, err"} := ${chain}`,
  ].join("\n");
}

function goValue({ value, format }) {
  if (format !== "date-time") return JSON.stringify(value);
  const parts = new Date(value).toISOString().match(/\d+/g).slice(0, 6).map(Number);
  return `time.Date(${parts.join(", ")}, 0, time.UTC)`;
}

/** Return the words of a name such as `touch-points`, `redeem_points`, `If-Match` or `created_at.gte`. */
function words(name) {
  return name.split(/[^A-Za-z0-9]+/).filter((word) => word !== "");
}

function snake(name) {
  return words(name).join("_").toLowerCase();
}

function pascal(name) {
  return words(name)
    .map((word) => word[0].toUpperCase() + word.slice(1))
    .join("");
}

function camel(name) {
  return decapitalized(pascal(name));
}

function decapitalized(name) {
  return name[0].toLowerCase() + name.slice(1);
}
