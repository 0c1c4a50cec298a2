// An OpenID provider on loopback: `node provider.js PORT`. Each start has a new signing key, so a restart rotates it.
// Anybody logs in under any name. Names that begin with "staff-" are in the group "staff".

import { randomBytes } from "node:crypto";
import { exportJWK, generateKeyPair } from "jose";
import { Provider } from "oidc-provider";

const port = Number(process.argv[2]);
const { privateKey } = await generateKeyPair("RS256", { extractable: true });
const key = { ...(await exportJWK(privateKey)), alg: "RS256", use: "sig", kid: randomBytes(8).toString("hex") };

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [
    {
      client_id: "rapport-web",
      token_endpoint_auth_method: "none",
      redirect_uris: ["http://127.0.0.1/callback"],
      application_type: "native",
    },
  ],
  jwks: { keys: [key] },
  claims: { openid: ["sub", "groups"] },
  conformIdTokenClaims: false,
  cookies: { keys: [randomBytes(16).toString("hex")] },
  features: { devInteractions: { enabled: true } },
  findAccount: (_, id) => ({
    accountId: id,
    claims: () => ({ sub: id, groups: id.startsWith("staff-") ? ["staff"] : [] }),
  }),
});

provider.listen(port, "127.0.0.1", () => console.log("ready"));
