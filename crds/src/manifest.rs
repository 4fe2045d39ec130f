//! Schema of embedded Kubernetes objects: kept as they are, but never without the fields that identify them.

use schemars::{Schema, SchemaGenerator, json_schema};

/// A list of Kubernetes objects, each with `apiVersion`, `kind` and `metadata.name`; everything else is preserved.
pub(crate) fn objects(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "maxItems": 512,
        "items": {
            "type": "object",
            "x-kubernetes-preserve-unknown-fields": true,
            "required": ["apiVersion", "kind", "metadata"],
            "properties": {
                "apiVersion": {
                    "description": "API group and version of the object, e.g. `apps/v1`.",
                    "type": "string", "minLength": 1, "maxLength": 317,
                },
                "kind": {
                    "description": "Kind of the object, e.g. `Deployment`.",
                    "type": "string", "minLength": 1, "maxLength": 63,
                },
                "metadata": {
                    "description": "Metadata of the object; all of it is preserved.",
                    "type": "object",
                    "x-kubernetes-preserve-unknown-fields": true,
                    "required": ["name"],
                    "properties": {
                        "name": {
                            "description": "Name of the object.",
                            "type": "string", "minLength": 1, "maxLength": 253,
                        },
                    },
                },
            },
        },
    })
}

/// Any JSON object, preserved as it is.
pub(crate) fn free_form(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true, "nullable": true })
}
