// Renderings equal to those of transformers' apply_chat_template.

import Checkpoints
import Diagnostics
import Documents
import TestSupport
import Testing
import Tokenisation

@Suite struct ChatTemplateTests {
    private static let fixture = Repository.checkpoint("ling-tiny-icd")

    private func templateText() throws -> String {
        let bytes = try FileAccess.read(Self.fixture + "/tokenizer_config.json", limit: 1 << 20)
        return try #require(try JSONValue(parsing: bytes)["chat_template"].string)
    }

    @Test func rendersAsTransformers() throws {
        var differences = Differences()
        for entry in try Vectors.document("chat").elements {
            let thinking = ChatTemplate.Thinking(rawValue: entry["thinking"].string ?? "")
            let messages = try ChatMessage.conversation(entry["messages"])
            let text = try ChatTemplate(thinking: try #require(thinking)).render(
                messages, tools: entry["tools"].elements, addingGenerationPrompt: entry["prompt"] == true)
            differences.compare(text: text, entry["text"].string ?? "", "\(messages)")
        }
        differences.check(atLeast: 130)
    }

    /// The rows of the golden file, taken apart by hand and put together by the template.
    @Test func goldenPromptsOfTheFixture() throws {
        let golden = try JSONValue(
            parsing: FileAccess.read(Self.fixture + "/golden/golden.json", limit: 1 << 22))
        guard case .object(let cases) = golden["cases"] else { return }
        let template = try ChatTemplate(folder: Self.fixture)
        #expect(cases.members.count == 6)
        for row in cases.members.map(\.value) {
            let text = try #require(row["text"].string)
            var messages: [ChatMessage] = []
            for turn in text.split(separator: "<|role_end|>") {
                let parts = turn.dropFirst("<role>".count).split(separator: "</role>", maxSplits: 1)
                let content = String(parts.last ?? "")
                switch parts[0] {
                case "SYSTEM" where content != "detailed thinking off":
                    let own = String(content.dropLast("\ndetailed thinking off".count))
                    messages.append(ChatMessage(role: "system", content: own))
                case "HUMAN": messages.append(ChatMessage(role: "user", content: content))
                case "ASSISTANT": messages.append(ChatMessage(role: "assistant", content: content))
                default: break
                }
            }
            #expect(try template.render(messages) == text)
            let opening = Array(messages.prefix { $0.role != "assistant" })
            #expect(try template.render(opening, addingGenerationPrompt: true) == row["prompt"].string)
        }
    }

    @Test func knownTemplatesAreRecognised() throws {
        #expect(try ChatTemplate(folder: Self.fixture) == ChatTemplate(thinking: .off))
        let ring =
            "{% set thinking_option = 'on' %}"
            + (try templateText()).dropFirst("{% set thinking_option = 'off' %}".count)
        #expect(try ChatTemplate(recognising: ring, file: "t").thinking == .on)
    }

    @Test func otherTemplatesAreRefused() throws {
        let text = try templateText()
        let others = [
            "", text + " ", text.replacing("HUMAN", with: "USER"), "{% set thinking_option = 'maybe' %}\n",
            text.replacing("'off'", with: "'auto'"),
        ]
        for other in others {
            #expect(code { _ = try ChatTemplate(recognising: other, file: "t") } == "TOK-010")
        }
        for text in ["{}", "{\"chat_template\":null}", "{\"chat_template\":[{\"name\":\"default\"}]}"] {
            #expect(code { _ = try ChatTemplate(configuration: Array(text.utf8), file: "t") } == "TOK-010")
        }
        #expect(code { _ = try ChatTemplate(configuration: [0x7B], file: "t") } == "TOK-001")
    }

    @Test func conversationsThatTheTemplateCannotRender() {
        let template = ChatTemplate(thinking: .off)
        for messages in [
            [], [ChatMessage(role: "user", content: nil)], [ChatMessage(role: "system", content: nil)],
        ] {
            #expect(code { _ = try template.render(messages) } == "TOK-011")
        }
        for text in ["{}", "[7]", "[{\"content\":\"x\"}]", "[{\"role\":\"assistant\",\"tool_calls\":[{}]}]"] {
            #expect(throws: DocumentError.self) {
                try ChatMessage.conversation(try JSONValue(parsing: Array(text.utf8)))
            }
        }
    }

    /// The code of the failure that a body throws.
    private func code(_ body: () throws -> Void) -> String? {
        do { try body() } catch let failure as Failure { return failure.findings.first?.code.name } catch {
            return "\(error)"
        }
        return nil
    }
}
