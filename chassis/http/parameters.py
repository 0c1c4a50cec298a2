"""Query parameters whose names a tenant chooses: all those that begin with a prefix, such as `custom.`."""

from dataclasses import dataclass

from fastapi import Request


@dataclass(frozen=True, slots=True)
class ParameterPrefix:
    """A dependency that reads the parameters with a prefix, as pairs of the rest of the name and the value.

    The OpenAPI document shows them as the properties of an object, which a client sends as a parameter each.
    """

    prefix: str
    description: str

    def __call__(self, request: Request) -> list[tuple[str, str]]:
        """Return the parameters of a request, in order."""
        if self.prefix.encode() not in request.scope["query_string"]:
            return []
        size = len(self.prefix)
        return [
            (name[size:], value)
            for name, value in request.query_params.multi_items()
            if name.startswith(self.prefix) and len(name) > size
        ]

    def takes(self, name: str) -> bool:
        """Return whether a parameter has the prefix, and more than that."""
        return name.startswith(self.prefix) and name != self.prefix

    def document(self) -> dict[str, object]:
        """Return the parameter of the OpenAPI document."""
        return {
            "name": self.prefix.rstrip("."),
            "in": "query",
            "required": False,
            "style": "form",
            "explode": True,
            "description": self.description,
            "schema": {
                "type": "object",
                "additionalProperties": {"type": "string"},
                "propertyNames": {"pattern": f"^{self.prefix.replace('.', '[.]')}"},
            },
        }
