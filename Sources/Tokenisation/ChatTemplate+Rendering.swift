// The template of the Ling 2.0 instruct models as a function. The order of the statements is that of the
// template, so that the two can be read side by side.

import Diagnostics
import Documents

extension ChatTemplate {
    /// The text of a conversation.
    ///
    /// - Parameters:
    ///   - messages: at least one; system and user messages have content.
    ///   - tools: descriptions of tools, shown to the model as JSON in one line each.
    ///   - addingGenerationPrompt: ends with the opening of an assistant's turn.
    /// - Throws: TOK-011 where the template itself would fail.
    package func render(
        _ messages: [ChatMessage], tools: [JSONValue] = [], addingGenerationPrompt: Bool = false
    ) throws(Failure) -> String {
        guard let first = messages.first else {
            throw Self.impossible("a conversation of no messages", nil, "at least one message", "none")
        }
        var output = "<role>SYSTEM</role>"
        if first.role == "system" { output += try Self.content(first, 0) + "\n" }
        if !tools.isEmpty { Self.write(tools: tools, to: &output) }
        output += "detailed thinking \(thinking.rawValue)<|role_end|>"
        let lastQuery = Self.lastQuery(messages)
        for (index, message) in messages.enumerated() {
            switch message.role {
            case "user":
                output += "<role>HUMAN</role>" + (try Self.content(message, index)) + "<|role_end|>"
            case "system":
                if index > 0 {
                    output += "<role>SYSTEM</role>" + (try Self.content(message, index)) + "<|role_end|>"
                }
            case "assistant": Self.write(assistant: message, afterLastQuery: index > lastQuery, to: &output)
            case "tool":
                if index == 0 || messages[index - 1].role != "tool" { output += "<role>OBSERVATION</role>" }
                output += "\n<tool_response>\n" + (message.content ?? "") + "\n</tool_response>"
                if index + 1 == messages.count || messages[index + 1].role != "tool" {
                    output += "<|role_end|>"
                }
            default: break
            }
        }
        if addingGenerationPrompt { output += "<role>ASSISTANT</role>" }
        return output
    }

    private static func write(tools: [JSONValue], to output: inout String) {
        output += "# Tools\n\nYou may call one or more functions to assist with the user query.\n\n"
        output += "You are provided with function signatures within <tools></tools> XML tags:\n<tools>"
        for tool in tools { output += "\n" + PythonJSON.text(tool) }
        output +=
            "\n</tools>\n\nFor each function call, return a json object with function name and arguments"
        output += " within <tool_call></tool_call> XML tags:\n<tool_call>\n"
        output += "{\"name\": <function-name>, \"arguments\": <args-json-object>}\n</tool_call>\n"
    }

    /// The index of the last user message that is no tool result in disguise; the last index when none is.
    ///
    /// Reasoning is shown only after it.
    private static func lastQuery(_ messages: [ChatMessage]) -> Int {
        let index = messages.lastIndex { message in
            guard message.role == "user", let content = message.content.map(ByteText.init) else {
                return false
            }
            return !(content.hasPrefix("<tool_response>") && content.hasSuffix("</tool_response>"))
        }
        return index ?? messages.count - 1
    }

    private static func write(
        assistant message: ChatMessage, afterLastQuery: Bool, to output: inout String
    ) {
        var content = ByteText(message.content ?? "")
        var reasoning = ByteText(message.reasoning ?? "")
        if message.reasoning == nil, let before = content.before(first: "</think>") {
            let thought = before.droppingTrailingNewlines()
            reasoning = (thought.after(last: "<think>") ?? thought).droppingLeadingNewlines()
            content = (content.after(last: "</think>") ?? content).droppingLeadingNewlines()
        }
        output += "<role>ASSISTANT</role>"
        if afterLastQuery, !reasoning.bytes.isEmpty {
            let trimmed = reasoning.droppingLeadingNewlines().droppingTrailingNewlines()
            output += "\n<think>\n" + trimmed.text + "\n</think>\n\n" + content.droppingLeadingNewlines().text
        } else {
            output += content.text
        }
        for (index, call) in message.toolCalls.enumerated() {
            if index > 0 || !content.bytes.isEmpty { output += "\n" }
            output += "<tool_call>\n{\"name\": \"" + call.name + "\", \"arguments\": "
            switch call.arguments {
            case .text(let text): output += text
            case .document(let document): output += PythonJSON.text(document)
            }
            output += "}\n</tool_call>"
        }
        output += "<|role_end|>"
    }

    private static func content(_ message: ChatMessage, _ index: Int) throws(Failure) -> String {
        if let content = message.content { return content }
        throw impossible(
            "a message without text that needs one", "messages[\(index)].content",
            "text in a \(message.role) message", "none")
    }

    private static func impossible(
        _ what: String, _ field: String?, _ expected: String, _ found: String
    ) -> Failure {
        Failure(
            Finding(
                .error, .conversationImpossible, what, field: field, expected: expected, found: found,
                remedy: "give the conversation as messages of role and text"))
    }
}
