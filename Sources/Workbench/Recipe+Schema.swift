// The JSON Schema of recipes, made from the table of sections: what editors complete and check by.

import Documents

extension Recipe {
    /// The schema, draft 2020-12.
    package static var schema: JSONValue {
        var properties = JSONObject()
        properties["$schema"] = ["type": "string", "description": "Where an editor finds this schema."]
        properties["format"] = ["const": .integer(format)]
        properties["name"] = ["type": "string", "description": "What it is called in reports."]
        properties["summary"] = ["type": "string", "description": "What it is for."]
        properties["checkpoint"] = [
            "type": "string", "description": "The folder of the source, relative to the recipe.",
        ]
        properties["target"] = ["type": "string", "description": "ENGINE/DEVICE: `ingot profiles list`."]
        properties["sources"] = [
            "type": "object", "additionalProperties": ["type": "string"],
            "description": "Where values come from, by key.",
        ]
        for section in RecipeSection.all where !section.path.contains(".") {
            properties[section.path] = .object(object(section))
        }
        return [
            "$schema": "https://json-schema.org/draft/2020-12/schema", "title": "A recipe of ingot run",
            "type": "object", "additionalProperties": false, "required": ["format", "name"],
            "properties": .object(properties),
        ]
    }

    private static func object(_ section: RecipeSection) -> JSONObject {
        var properties = JSONObject()
        for key in section.keys { properties[key.name] = .object(property(key)) }
        for inner in RecipeSection.all where inner.path.hasPrefix(section.path + ".") {
            properties[String(inner.path.dropFirst(section.path.count + 1))] = .object(object(inner))
        }
        var object = JSONObject()
        object["type"] = "object"
        object["description"] = .string(section.summary)
        object["additionalProperties"] = false
        let required = section.keys.filter(\.isRequired).map { JSONValue.string($0.name) }
        if !required.isEmpty { object["required"] = .array(required) }
        if section.path == "draft" {
            object["oneOf"] = [["required": ["head"]], ["required": ["train"]]]
        }
        object["properties"] = .object(properties)
        return object
    }

    private static func property(_ key: RecipeKey) -> JSONObject {
        var object = JSONObject()
        switch key.kind {
        case .flag: object["type"] = "boolean"
        case .integer: object["type"] = "integer"
        case .number: object["type"] = "number"
        case .text, .path, .profile: object["type"] = "string"
        case .list, .profiles:
            object["type"] = "array"
            object["items"] = ["type": "string"]
        }
        object["description"] = .string(key.summary)
        return object
    }

    /// The sections and keys as a page.
    package static var reference: String {
        var lines: [String] = []
        for section in RecipeSection.all {
            lines += ["### `\(section.path)`", "", section.summary]
            if !section.stages.isEmpty {
                let commands = section.stages.map { "`ingot \($0.command.joined(separator: " "))`" }
                var seen: [String] = []
                for command in commands where !seen.contains(command) { seen.append(command) }
                lines.append("Stage: " + seen.joined(separator: ", ") + ".")
            }
            lines += ["", "| key | takes | what it is |", "| --- | --- | --- |"]
            for key in section.keys {
                let need = key.isRequired ? "; needed" : ""
                lines.append("| `\(key.name)` | \(key.kind.expected)\(need) | \(key.summary) |")
            }
            lines.append("")
        }
        return lines.joined(separator: "\n")
    }
}
