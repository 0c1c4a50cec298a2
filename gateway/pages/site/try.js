// The page on which requests are sent: Swagger UI with the document of this system.
fetch("/openapi.json")
  .then((response) => response.json())
  .then((spec) => {
    SwaggerUIBundle({
      spec: { ...spec, servers: [{ url: location.origin }] }, // requests to other hosts are blocked by the page's policy
      dom_id: "#swagger-ui",
      deepLinking: true,
      docExpansion: "none",
      filter: true,
      defaultModelsExpandDepth: -1,
      displayRequestDuration: true,
      persistAuthorization: false,
      tryItOutEnabled: true,
      validatorUrl: null,
    });
  });
