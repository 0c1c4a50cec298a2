import { defineConfig } from "@hey-api/openapi-ts";

export default defineConfig({
  output: { path: "src", importFileExtension: ".js" },
  plugins: ["@hey-api/client-ky", "@hey-api/typescript", "@hey-api/sdk"],
});
