// Verify a delivery with the public libraries: node verify.mjs SECRET HEADERS BODY-FILE
import { readFileSync } from "node:fs";
import { Webhook as StandardWebhook } from "standardwebhooks";
import { Webhook as SvixWebhook } from "svix";

const [secret, headers, file] = process.argv.slice(2);
const body = readFileSync(file);
const sent = JSON.parse(headers);
const refused = (library) => {
  try {
    library.verify(body.toString().replace("{", "{ "), sent);
    return "accepted";
  } catch {
    return "refused";
  }
};
const standard = new StandardWebhook(secret);
const svix = new SvixWebhook(secret);
console.log("standardwebhooks", standard.verify(body.toString(), sent).type);
svix.verify(body, sent); // raises if it is not valid
console.log("svix", JSON.parse(body).type);
console.log("changed", refused(standard), refused(svix));
