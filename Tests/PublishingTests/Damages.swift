// A corpus of faults, each with the code that must name it.

import Checkpoints
import Documents
import Foundation
import Publishing
import TestSupport
import Testing

/// One fault of a release folder.
struct Damage: Sendable, CustomTestStringConvertible {
    let name: String
    let code: String
    let damage: @Sendable (ReleaseCopy) throws -> Void

    init(_ code: String, _ name: String, _ damage: @escaping @Sendable (ReleaseCopy) throws -> Void) {
        self.code = code
        self.name = name
        self.damage = damage
    }

    var testDescription: String { "\(code) \(name)" }

    static let all = folder + attributes + head + card + code + weights + texts + records

    static let folder = [
        Damage("PUB-001", "no tokenizer") { try $0.remove("tokenizer.json") },
        Damage("PUB-002", "no card") { try $0.remove("README.md") },
        Damage("PUB-003", "no licence text") { try $0.remove("LICENSE") },
        Damage("PUB-004", "no rules") { try $0.remove(".gitattributes") },
        Damage("PUB-005", "no configuration.json") { try $0.remove("configuration.json") },
        Damage("PUB-006", "a pickle by name") { try $0.write("x", "pytorch_model.bin") },
        Damage("PUB-006", "a pickle by content") { try $0.write("PK\u{3}\u{4}data.pkl", "weights.dat") },
        Damage("PUB-007", "an unfinished download") { try $0.write("x", "model.safetensors.incomplete") },
        Damage("PUB-008", "a link") {
            try $0.remove("LICENSE")
            try FileManager.default.createSymbolicLink(
                atPath: $0.file("LICENSE"), withDestinationPath: Repository.path("LICENSE"))
        },
        Damage("PUB-009", "a training run's folder") { try $0.write("x", "checkpoint-500/notes.txt") },
        Damage("PUB-010", "an empty file") { try $0.write("", "special_tokens_map.json") },
        Damage("PUB-011", "a name with a space") { try $0.write("x\n", "release notes.txt") },
        Damage("PUB-012", "a file beyond the hub's limit") {
            try $0.write("x", "data.safetensors.txt")
            let file = try FileHandle(forUpdating: URL(fileURLWithPath: $0.file("data.safetensors.txt")))
            try file.truncate(atOffset: 600_000_000_000)
            try file.close()
        },
        Damage("PUB-013", "more files in a folder than the hub takes") {
            for number in 0...10_000 { try $0.write("x", "parts/\(number)") }
        },
        Damage("PUB-014", "a key twice") { try $0.write("{\"a\":1,\"a\":2}", "special_tokens_map.json") },
        Damage("PUB-015", "a byte order mark") { try $0.write("\u{FEFF}# notes\n", "NOTES.md") },
    ]

    static let attributes = [
        Damage("PUB-020", "all JSON as large files") {
            try $0.append("*.json filter=lfs\n", ".gitattributes")
        },
        Damage("PUB-021", "shards as ordinary files") {
            try $0.write("*.bin filter=lfs\n", ".gitattributes")
        },
    ]

    static let head = [
        Damage("PUB-030", "no front matter") { try $0.write("# A model\n", "README.md") },
        Damage("PUB-031", "a key twice in the front matter") {
            try $0.replace(
                "library_name: transformers", "library_name: transformers\nlibrary_name: mlx", "README.md")
        },
        Damage("PUB-032", "no library_name") { try $0.frontMatter { $0["library_name"] = nil } },
        Damage("PUB-033", "licence for license") { try $0.frontMatter { $0["licence"] = "mit" } },
        Damage("PUB-034", "a licence nobody knows") { try $0.frontMatter { $0["license"] = "apache2" } },
        Damage("PUB-035", "other without a name") { try $0.frontMatter { $0["license"] = "other" } },
        Damage("PUB-036", "a path for a base model") {
            try $0.frontMatter { $0["base_model"] = "ling-tiny-icd" }
        },
        Damage("PUB-037", "a finetune") { try $0.frontMatter { $0["base_model_relation"] = "finetune" } },
        Damage("PUB-038", "an unknown library") { try $0.frontMatter { $0["library_name"] = "pytorch" } },
        Damage("PUB-039", "an unknown task") {
            try $0.frontMatter { $0["pipeline_tag"] = "text_generation" }
        },
        Damage("PUB-040", "English in a word") { try $0.frontMatter { $0["language"] = ["English"] } },
        Damage("PUB-041", "tags in one text") { try $0.frontMatter { $0["tags"] = "moe, fp8" } },
        Damage("PUB-042", "an unknown ModelScope task") { try $0.frontMatter { $0["tasks"] = ["chatting"] } },
        Damage("PUB-043", "an unknown framework") { try $0.frontMatter { $0["frameworks"] = ["torch"] } },
        Damage("PUB-044", "configuration.json without a task") {
            try $0.write("{\"framework\": \"pytorch\"}\n", "configuration.json")
        },
    ]

    static let card = [
        Damage("PUB-050", "no recipe") {
            try $0.bareCard("Evaluation: 99 % agree. Intended use: any. Limits: none.")
        },
        Damage("PUB-051", "no evaluation") { try $0.bareCard("Quantised. Intended use: any. Limits: none.") },
        Damage("PUB-051", "an evaluation without a number") {
            try $0.bareCard(
                "Quantised. Evaluation: as Ling-flash-2.0 in vLLM 0.11.0, FP8.\n\n1. Intended use: any.\n2. Limits: 1024 tokens."
            )
        },
        Damage("PUB-051", "an evaluation as a picture") {
            try $0.bareCard(
                "Quantised.\n\n## Evaluation\n\n![](assets/error-by-role.en.svg)\n\n## Limits\n\n3 uses.")
        },
        Damage("PUB-051", "what prepare says of a model that was not compared") { copy in
            let template = try String(
                contentsOfFile: Repository.path("Profiles/cards/en.md"), encoding: .utf8)
            let from = try #require(template.firstRange(of: "{{^parity}}")).lowerBound
            let to = try #require(template.firstRange(of: "## Use it")).lowerBound
            try copy.bareCard(
                "Quantised. Intended use: any. Limits: none.\n\n"
                    + template[from..<to].split(separator: "\n").filter { !$0.hasPrefix("{{") }
                    .joined(separator: "\n\n"))
        },
        Damage("PUB-052", "no use") { try $0.bareCard("Quantised. Evaluation: 99 %. Limits: none.") },
        Damage("PUB-053", "no limits") { try $0.bareCard("Quantised. Evaluation: 99 %. Intended use: any.") },
        Damage("PUB-054", "no medical notice") {
            try $0.bareCard("Quantised. Evaluation: 99 %. Intended use: any. Limits: none.")
        },
        Damage("PUB-055", "a picture that is not there") {
            try $0.append("\n![](assets/none.png)\n", "README.md")
        },
        Damage("PUB-056", "MIT in the folder") {
            try $0.write(
                "MIT License\n\nPermission is hereby granted, free of charge, to any person obtaining a copy\n",
                "LICENSE")
        },
        Damage("PUB-057", "another licence than the base") {
            try $0.frontMatter { $0["license"] = "mit" }
            try $0.remove("LICENSE")
        },
    ]

    static let code = [
        Damage("PUB-060", "no modelling file") { try $0.remove("modeling_bailing_moe_v2.py") },
        Damage("PUB-063", "an import of a file that is not there, in lines of Windows") { copy in
            let name = "modeling_bailing_moe_v2.py"
            try copy.remove("release.json")
            try copy.write(
                (try copy.text(name) + "from .missing_module import Thing\n").replacing("\n", with: "\r\n"),
                name)
        },
        Damage("PUB-061", "code of another repository") {
            try $0.edit("config.json") {
                $0["auto_map"] = ["AutoModel": "other/repository--modeling.Model"]
            }
        },
        Damage("PUB-062", "a changed modelling file") {
            try $0.append("# one line\n", "modeling_bailing_moe_v2.py")
        },
        Damage("PUB-063", "an import that is not there") {
            try $0.append("from .extra import thing\n", "modeling_bailing_moe_v2.py")
        },
        Damage("PUB-064", "a changed tokenizer") {
            try $0.edit("tokenizer_config.json") { $0["add_bos_token"] = true }
        },
        Damage("PUB-065", "no chat template") {
            try $0.edit("tokenizer_config.json") { $0["chat_template"] = nil }
        },
        Damage("PUB-066", "two chat templates") { try $0.write("{{ messages }}\n", "chat_template.jinja") },
        Damage("PUB-067", "YaRN with two factors") {
            try $0.edit("config.json") {
                $0["rope_scaling"] = [
                    "type": "yarn", "factor": .real(4), "original_max_position_embeddings": 512,
                ]
            }
        },
        Damage("ARCH-013", "an end id outside the vocabulary") {
            try $0.edit("config.json") { $0["eos_token_id"] = 99_999 }
        },
        Damage("ARCH-014", "the pad of another file") {
            try $0.edit("generation_config.json") { $0["pad_token_id"] = 7 }
        },
        Damage("ARCH-015", "the end of a turn is no end") {
            try $0.edit("config.json") { $0["eos_token_id"] = 2036 }
            try $0.edit("generation_config.json") { $0["eos_token_id"] = 2036 }
        },
    ]
}

extension ReleaseCopy {
    /// A card with its head and one line.
    func bareCard(_ line: String) throws {
        let card = try FrontMatter(try text("README.md"))
        try write(FrontMatter.render(card.values, body: "\n# A model\n\n\(line)\n"), "README.md")
    }
}
