// Write the samples of the API reference as programs, so that the compilers of the SDKs check what readers copy.
// Usage: node samples.mjs OPENAPI_DOCUMENT, in the folder of the SDKs.

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";

globalThis.location = { origin: "http://127.0.0.1:8400" };
const site = new URL("../gateway/pages/site/", import.meta.url);
const { operationsOf } = await import(new URL("operation.js", site));
const { callOf } = await import(new URL("panel.js", site));
const { examplesOf, wordsOf } = await import(new URL("example.js", site));
const { sample } = await import(new URL("samples.js", site));

const root = JSON.parse(readFileSync(process.argv[2]));
const FORM = "application/x-www-form-urlencoded"; // of pages, which programs do not send
const operations = operationsOf(root).filter(({ body }) => body?.type !== FORM);
const words = wordsOf(operations);

/** Return the samples of a language by the ids of their operations. */
function samples(language) {
  return operations.map((operation) => {
    const examples = operation.body ? examplesOf(root, operation.body.media, { isRequest: true, words }) : [];
    return [operation.id, sample(language, callOf(root, operation, examples[0]?.[1]))];
  });
}

function write(file, text) {
  mkdirSync(file.replace(/\/[^/]+$/, ""), { recursive: true });
  writeFileSync(file, text);
}

for (const [id, text] of samples("python")) write(`python/samples/sample_${id}.py`, `${text}\n`);
for (const [id, text] of samples("typescript")) {
  write(`typescript/story/samples/${id}.ts`, `${text}\nexport { data, error };\n`);
}

const methods = samples("java").map(([id, text]) => `void ${id}() throws Exception {\n${text}\n}\n`);
write(
  "java/story/Samples.java",
  `import java.time.*;
import java.util.*;
import rapport.client.ApiClient;
import rapport.client.api.*;
import rapport.client.model.*;

final class Samples {
${methods.join("\n")}}
`,
);

const functions = samples("go").map(([id, text]) => {
  const printed = text.includes("result, _, err") ? "fmt.Println(result, err)" : "fmt.Println(err)";
  return `func ${id}() {\n${text}\n${printed}\n}\n`;
});
const packages = ["context", "encoding/json", "fmt", "log", "os", "time"];
const used = packages.filter((name) => functions.some((text) => text.includes(`${name.split("/").pop()}.`)));
write(
  "go/samples/main.go",
  `package main

import (
${used.map((name) => `\t"${name}"`).join("\n")}

\t"rapport.example/sdk/rapport"
)

func main() {
${operations.map(({ id }) => `\t${id}()`).join("\n")}
}

${functions.join("\n")}`,
);
