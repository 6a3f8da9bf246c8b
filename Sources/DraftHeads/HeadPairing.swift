// Whether a head and a target belong together, as far as their configs can say.

import Architectures
import Checkpoints
import Diagnostics
import Documents

extension HeadFile {
    /// What keeps this head from drafting for a target.
    package func mismatches(_ target: BailingMoeV2Configuration) -> [Finding] {
        let c = configuration
        var findings: [Finding] = []
        func differs(_ field: String, _ expected: Int, _ found: Int, _ what: String) {
            guard expected != found else { return }
            findings.append(
                Finding(
                    .error, .headOfAnotherTarget, what, file: folder, field: field,
                    expected: grouped(expected), found: grouped(found),
                    remedy: "give the target that the head was trained for"))
        }
        differs(
            "vocab_size", target.vocabularySize, c.vocabularySize,
            "the head counts another vocabulary than its target")
        differs(
            "target_hidden_size", target.hiddenSize, c.targetHiddenSize,
            "the head reads states of another width than its target's")
        if tensors.embedding == nil {
            differs(
                "hidden_size", target.hiddenSize, c.hiddenSize,
                "the head takes the target's embedding and is of another width")
        }
        return findings
    }
}

extension HeadDocument {
    /// Token ids of the config that lie outside its vocabulary.
    package var strayTokenIds: [(key: String, id: Int)] {
        ["bos_token_id", "eos_token_id", "pad_token_id"].flatMap { key -> [(key: String, id: Int)] in
            let values: [JSONValue] =
                switch others[key] {
                case .array(let list)?: list
                case .some(let value): [value]
                case nil: []
                }
            return values.compactMap { value in
                guard case .number(let number) = value, let id = number.integer,
                    !(0..<configuration.vocabularySize).contains(id)
                else { return nil }
                return (key, id)
            }
        }
    }
}
