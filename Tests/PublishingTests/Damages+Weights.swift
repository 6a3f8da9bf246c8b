// Faults of weights, texts and records.

import Checkpoints
import Documents
import Foundation
import Publishing
import TestSupport
import Testing

extension Damage {
    private static let first = "model-00001-of-00004.safetensors"
    private static let index = "model.safetensors.index.json"
    private static let expert = "model.layers.1.mlp.experts.0.gate_proj.weight"

    static let weights = [
        Damage("PUB-070", "no total size") {
            try $0.edit(index) { $0["metadata"] = [:] }
        },
        Damage("CKPT-070", "a total size of source bytes") {
            try $0.edit(index) { $0["metadata"] = ["total_size": 16_000_000] }
        },
        Damage("PUB-071", "shards without a format") {
            let path = $0.file(first)
            let data = try Data(contentsOf: URL(fileURLWithPath: path))
            let text = data.firstRange(of: Data("\"format\":\"pt\"".utf8))
            var changed = data
            changed.replaceSubrange(try #require(text), with: Data("\"format\":\"tf\"".utf8))
            try changed.write(to: URL(fileURLWithPath: path))
        },
        Damage("PUB-072", "shards of another name") {
            for number in 1...4 {
                try FileManager.default.moveItem(
                    atPath: $0.file("model-0000\(number)-of-00004.safetensors"),
                    toPath: $0.file("part\(number).safetensors"))
                try $0.replace("model-0000\(number)-of-00004.safetensors", "part\(number).safetensors", index)
            }
        },
        Damage("PUB-073", "an index that counts half the parameters") {
            try $0.edit(index) {
                guard case .object(var metadata)? = $0["metadata"] else { return }
                metadata["total_parameters"] = 4_000_000
                $0["metadata"] = .object(metadata)
            }
        },
        Damage("PUB-074", "powers of two that nothing speaks of") { copy in
            for number in 1...4 {
                try copy.tensors("model-0000\(number)-of-00004.safetensors") { file in
                    for name in file.tensors.keys where name.hasSuffix("_scale_inv") {
                        guard var tensor = file[name] else { continue }
                        tensor.floats = tensor.floats.map { _ in 0x1p-8 }
                        file[name] = tensor
                    }
                }
            }
        },
        Damage("CKPT-064", "a shard that is not there") { try $0.remove(first) },
        Damage("CKPT-065", "a shard that the index does not name") { copy in
            try FileManager.default.copyItem(atPath: copy.file(first), toPath: copy.file("old.safetensors"))
        },
        Damage("CKPT-071", "a shard count that is not true") {
            try FileManager.default.moveItem(
                atPath: $0.file("model-00004-of-00004.safetensors"),
                toPath: $0.file("model-00004-of-00005.safetensors"))
            try $0.replace("model-00004-of-00004", "model-00004-of-00005", index)
        },
        Damage("CKPT-069", "a tensor that the index does not name") {
            try $0.edit(index) {
                guard case .object(var map)? = $0["weight_map"] else { return }
                map[expert] = nil
                $0["weight_map"] = .object(map)
            }
        },
        Damage("ARCH-002", "an expert that is not there") {
            try $0.dropping(expert, first)
        },
        Damage("QUANT-003", "a scale that is not there") { try $0.dropping(expert + "_scale_inv", first) },
        Damage("QUANT-006", "a config without quantisation") {
            try $0.edit("config.json") { $0["quantization_config"] = nil }
        },
        Damage("QUANT-008", "a scale of zero") { copy in
            try copy.tensors(first) { file in
                guard var tensor = file[expert + "_scale_inv"] else { return }
                tensor.floats = tensor.floats.map { _ in 0 }
                file[expert + "_scale_inv"] = tensor
            }
        },
        Damage("QUANT-009", "scales that are no powers of two, said to be") {
            try $0.edit("config.json") {
                guard case .object(var config)? = $0["quantization_config"] else { return }
                config["scale_fmt"] = "ue8m0"
                $0["quantization_config"] = .object(config)
            }
        },
        Damage("QUANT-010", "a skip list that skips nothing") {
            try $0.edit("config.json") {
                guard case .object(var config)? = $0["quantization_config"] else { return }
                config["modules_to_not_convert"] = ["model.layers.99.mlp.gate"]
                $0["quantization_config"] = .object(config)
            }
        },
        Damage("DATA-001", "a NaN") { copy in
            try copy.tensors(first) { file in
                let name = "model.layers.0.input_layernorm.weight"
                guard var tensor = file[name] else { return }
                tensor.floats = tensor.floats.map { _ in .nan }
                file[name] = tensor
            }
        },
        Damage("DATA-002", "an expert of zeros") { copy in
            try copy.tensors(first) { file in
                let count = file[expert]?.bytes.count ?? 0
                file[expert]?.bytes = [UInt8](repeating: 0, count: count)
            }
        },
    ]

    static let texts = [
        Damage("PUB-080", "a path of a training run") {
            try $0.edit("config.json") { $0["_name_or_path"] = "/mnt/nas/train/step_4000" }
        },
        Damage("PUB-081", "a token in the card") {
            try $0.append("\nexport HF_TOKEN=hf_AbCdEfGhIjKlMnOpQrStUvWxYz0123456789\n", "README.md")
        },
        Damage("PUB-081", "a private key") {
            try $0.write("-----BEGIN EC PRIVATE KEY-----\nabc\n", "NOTES.txt")
        },
        Damage("PUB-082", "an address inside a network") {
            try $0.append("\nhttp://10.1.2.3:8000/v1\n", "README.md")
        },
        Damage("PUB-082", "a host inside a network") {
            try $0.append("\nscp model train@gpu7.corp: \n", "README.md")
        },
    ]

    static let records = [
        Damage("PUB-086", "results without a task") {
            try $0.write("- dataset: {id: acme/icd}\n  value: 1\n", ".eval_results/a.yaml")
        },
        Damage("PUB-087", "a broken record") { try $0.write("{\"schema\": 1}\n", "quantisation.json") },
        Damage("PUB-088", "weights of another run") { copy in
            try copy.tensors(first) { file in file[expert]?.bytes[0] ^= 1 }
        },
        Damage("DATA-003", "a shard that is not the recorded one") { try $0.flip(first) },
    ]
}

extension ReleaseCopy {
    /// Takes a tensor out of its shard and of the index.
    func dropping(_ name: String, _ shard: String) throws {
        try tensors(shard) { $0[name] = nil }
        try edit("model.safetensors.index.json") {
            guard case .object(var map)? = $0["weight_map"] else { return }
            map[name] = nil
            $0["weight_map"] = .object(map)
            $0["metadata"] = ["total_size": .integer(9_000_000)]
        }
    }
}
