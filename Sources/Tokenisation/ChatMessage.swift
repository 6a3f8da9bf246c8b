// A conversation as values: what chat templates know of it.

import Documents

/// One message of a conversation.
package struct ChatMessage: Equatable, Sendable {
    /// `system`, `user`, `assistant` or `tool`; the template passes over others.
    package var role: String
    /// The text; nil for a message without one, such as an assistant's that only calls tools.
    package var content: String?
    /// What an assistant thought, when it is kept apart from the text.
    package var reasoning: String?
    package var toolCalls: [ToolCall]

    package init(
        role: String, content: String?, reasoning: String? = nil, toolCalls: [ToolCall] = []
    ) {
        self.role = role
        self.content = content
        self.reasoning = reasoning
        self.toolCalls = toolCalls
    }
}

/// One call of a tool by an assistant.
package struct ToolCall: Equatable, Sendable {
    /// The arguments, as a document or as text that is shown as it is.
    package enum Arguments: Equatable, Sendable {
        case document(JSONValue)
        case text(String)
    }

    package var name: String
    package var arguments: Arguments

    package init(name: String, arguments: Arguments) {
        self.name = name
        self.arguments = arguments
    }
}

extension ChatMessage {
    /// Reads a message of the common form: `role`, `content`, `reasoning_content`, `tool_calls`.
    ///
    /// Content that is a list of parts counts as none, as in the template; members not named here mean
    /// nothing to it.
    package init(reading value: JSONValue, path: String = "") throws(DocumentError) {
        let reader = try StrictReader(value, path: path)
        role = try reader.string("role")
        content = Self.text(reader.value("content"))
        reasoning = Self.text(reader.value("reasoning_content"))
        toolCalls = []
        guard reader.has("tool_calls") else { return }
        for call in try reader.objects("tool_calls") { toolCalls.append(try ToolCall(reading: call)) }
    }

    /// Reads a list of messages.
    package static func conversation(_ value: JSONValue, path: String = "") throws(DocumentError)
        -> [ChatMessage]
    {
        guard case .array(let elements) = value else {
            throw DocumentError(
                path: path, what: "this is not a conversation", expected: "an array of messages",
                found: value.kind)
        }
        var messages: [ChatMessage] = []
        for (index, element) in elements.enumerated() {
            messages.append(try ChatMessage(reading: element, path: "\(path)[\(index)]"))
        }
        return messages
    }

    private static func text(_ value: JSONValue?) -> String? {
        if case .string(let text)? = value { text } else { nil }
    }
}

extension ToolCall {
    /// Reads a call, either flat or inside `function`.
    init(reading outer: StrictReader) throws(DocumentError) {
        var reader = outer
        if case .object(let function)? = outer.value("function"), !function.members.isEmpty {
            reader = try outer.object("function")
        }
        name = try reader.string("name")
        let arguments = try reader.required("arguments")
        if case .string(let text) = arguments {
            self.arguments = .text(text)
        } else {
            self.arguments = .document(arguments)
        }
    }
}
