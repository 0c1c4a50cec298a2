"""Write the OpenAPI document of standard input without webhooks, and without the operations of HTML forms."""

import json
import sys

FORM = "application/x-www-form-urlencoded"

document = json.load(sys.stdin)
del document["webhooks"]
for methods in document["paths"].values():
    for method, operation in list(methods.items()):
        if FORM in operation.get("requestBody", {}).get("content", {}):
            del methods[method]
json.dump(document, sys.stdout)
