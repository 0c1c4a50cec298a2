// The requests of test_clients.py with fetch, as browsers and Node have it.
const [url, key, customer] = process.argv.slice(2);
const headers = { Authorization: `Bearer ${key}`, "Content-Type": "application/json" };

const send = (method, path, options = {}) =>
  fetch(url + path, { method, ...options, headers: { ...headers, ...options.headers } });

const say = (step, response, ...seen) => console.log([step, response.status, ...seen].join(" "));

const created = await send("POST", "/v1/customers", { body: customer });
say("create", created, created.headers.get("etag").replace("W/", "")); // weak, because fetch accepts gzip
const path = `/v1/customers/${(await created.json()).id}`;

const unknownLength = new Blob([customer]).stream();
const streamed = await send("POST", "/v1/customers", { body: unknownLength, duplex: "half" });
say("stream", streamed);
await streamed.text();

const read = await send("GET", path);
const etag = read.headers.get("etag");
say("read", read, read.headers.get("content-encoding"), etag, (await read.json()).name);

const unchanged = await send("GET", path, { headers: { "If-None-Match": etag } });
say("unchanged", unchanged);
await unchanged.text();

const head = await send("HEAD", path, { headers: { "Accept-Encoding": "identity" } });
say("head", head, head.headers.get("etag"), (await head.text()).length);

const missing = await send("GET", "/v1/customers/00000000-0000-7000-8000-000000000000");
say("missing", missing, (await missing.json()).code);

const batch = await send("POST", "/v1/customers/batch", { body: `{"items": [${customer}]}` });
say("batch", batch, (await batch.json()).results[0].status);

const changed = await send("PATCH", path, { body: '{"name": "Byron"}', headers: { "If-Match": etag } });
say("change", changed, (await changed.json()).name);
