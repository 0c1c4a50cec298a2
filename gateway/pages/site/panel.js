/** The code beside an operation: samples of a request, and examples of responses. */

import { choices, codeBlock } from "./code.js";
import { exampleOf, examplesOf, wordsOf } from "./example.js";
import { LANGUAGES, sample } from "./samples.js";
import { resolve, view } from "./schema.js";

/** What the reader chose for all samples of the page. The key is never stored and never sent. */
const reader = { key: "", language: "curl" };
const SAMPLES_CHANGE = "samples-change";

export function changeReader(change) {
  Object.assign(reader, change);
  document.dispatchEvent(new Event(SAMPLES_CHANGE));
}

/** Return the samples of an operation, and the examples of its responses. */
export function codePanel(root, operation, words) {
  const examples = operation.body ? examplesOf(root, operation.body.media, { isRequest: true, words }) : [];
  let chosen = 0;
  const block = codeBlock(() => sample(reader.language, callOf(root, operation, examples[chosen]?.[1])), {
    label: "Request",
  });
  const languages = choices("Request", Object.entries(LANGUAGES), reader.language, (language) =>
    changeReader({ language }),
  );
  document.addEventListener(SAMPLES_CHANGE, () => {
    block.show();
    languages.querySelector(`[value="${reader.language}"]`).checked = true;
  });
  const bodies =
    examples.length > 1 &&
    choices(
      "Example",
      examples.map(([title], index) => [String(index), title]),
      "0",
      (index) => {
        chosen = Number(index);
        block.show();
      },
    );
  return [languages, bodies, block, ...responseExamples(root, operation, { ...words, ...wordsOf([operation]) })];
}

/** Return what `sample` needs to know of an operation: only required parameters, each with an example. */
export function callOf(root, operation, value) {
  const { parameters: all, body: taken } = operation;
  return {
    ...reader,
    method: operation.method,
    path: operation.path,
    name: operation.id,
    tag: operation.tag,
    url: location.origin,
    takesArguments: all.length > 0 || taken !== null,
    hasResult: Object.entries(operation.responses).some(
      ([status, each]) => status[0] === "2" && resolve(root, each).content,
    ),
    parameters: all
      .filter((each) => each.required)
      .map((each) => {
        const { schema, name } = view(root, each.schema);
        const example = each.example ?? exampleOf(root, each.schema);
        return { name: each.name, in: each.in, value: example, format: schema.format, type: schema.enum ? name : null };
      }),
    body: taken && {
      type: taken.type,
      schema: taken.media.schema.$ref?.split("/").pop() ?? "Body",
      value,
      isFile: taken.media.schema.format === "binary",
    },
  };
}

function responseExamples(root, operation, words) {
  const successes = Object.entries(operation.responses ?? {}).filter(([status]) => status[0] === "2");
  const byInterest = successes.sort(
    ([one], [other]) => (other === "201") - (one === "201") || one.localeCompare(other),
  );
  const found = byInterest.flatMap(([status, each]) => {
    const media = resolve(root, each).content?.["application/json"];
    return media ? examplesOf(root, media, { words }).map(([, value]) => [status, value]) : [];
  });
  if (!found.length) return [];
  let chosen = 0;
  const block = codeBlock(() => JSON.stringify(found[chosen][1], null, 2), { isJson: true, label: "Response" });
  const statuses = choices(
    "Response",
    found.map(([status], index) => [String(index), status]),
    "0",
    (index) => {
      chosen = Number(index);
      block.show();
    },
  );
  return [statuses, block];
}
