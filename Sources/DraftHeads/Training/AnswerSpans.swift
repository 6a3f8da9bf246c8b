// Which tokens of a text the model says: those after an assistant's header, up to and with the end of its turn. They
// are what drafts are made of when the model serves, and so what the loss is taken over.
//
// Source: sgl-project/SpecForge specforge/data/preprocessing.py at a6b6b023, which finds the spans in the same way.

import Diagnostics
import Tokenisation

/// Finds the answers in tokens of a chat.
struct AnswerSpans {
    private let header: [Int]
    private let end: [Int]

    init(_ encoder: inout SampleEncoder) throws(Failure) {
        header = try encoder.tokens(SampleRow(name: "header", content: .text("<role>ASSISTANT</role>")))
        end = try encoder.tokens(SampleRow(name: "end", content: .text("<|role_end|>")))
    }

    /// Whether each token belongs to an answer; nil when no header stands in the text.
    func flags(_ tokens: [Int]) -> [Bool]? {
        var flags = [Bool](repeating: false, count: tokens.count)
        var found = false
        var index = 0
        while index < tokens.count {
            guard stands(header, at: index, in: tokens) else {
                index += 1
                continue
            }
            found = true
            index += header.count
            while index < tokens.count {
                if stands(end, at: index, in: tokens) {
                    for place in index..<index + end.count { flags[place] = true }
                    index += end.count
                    break
                }
                flags[index] = true
                index += 1
            }
        }
        return found ? flags : nil
    }

    private func stands(_ part: [Int], at index: Int, in tokens: [Int]) -> Bool {
        index + part.count <= tokens.count
            && part.indices.allSatisfy { tokens[index + $0] == part[$0] }
    }
}
