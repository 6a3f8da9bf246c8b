// A recipe to start from: what one would do with a checkpoint for a target.

import Architectures
import Checkpoints
import Diagnostics
import Documents

extension Recipe {
    /// A recipe for a checkpoint and a target, to be read and changed by a person.
    ///
    /// - Parameters:
    ///   - isQuantised: whether the checkpoint holds codes already.
    ///   - dataBytes: bytes of its tensors.
    package static func initial(
        checkpoint: String, target name: String?, isQuantised: Bool, dataBytes: Int, settings: [RecipeSetting]
    ) throws(Failure) -> JSONValue {
        let target = try name.map { (name) throws(Failure) in try Target(name, .embedded) }
        let quantises = !isQuantised && target?.device.fp8 != FP8Support.none
        var object = JSONObject()
        object["format"] = .integer(format)
        object["name"] = .string(lastComponent(checkpoint) + (quantises ? "-fp8" : ""))
        object["summary"] = .string(
            "\(lastComponent(checkpoint))\(quantises ? " in FP8" : "")"
                + (target.map { " for \($0.engine.title) on \($0.device.title)" } ?? ""))
        object["checkpoint"] = .string(checkpoint)
        object["target"] = name.map(JSONValue.string)
        object["validate"] = ["deep": true]
        if quantises { object["quantise"] = ["scheme": "fp8-block"] }
        object["verify"] = ["numerics": .string(numerics(target, quantises || isQuantised))]
        if let target {
            let bytes = quantises ? dataBytes / 2 : dataBytes
            object["shard"] = [
                "topology": .string("tp\(tensorRanks(bytes, target.device))"), "form": "hf",
            ]
        }
        var document = JSONValue.object(object)
        for setting in settings where setting.path != ["checkpoint"] && setting.path != ["target"] {
            do throws(DocumentError) {
                document = try setting.applied(to: document, pathsFrom: workingFolder())
            } catch { throw Failure(Finding(error, code: .badRecipe, file: "--set")) }
        }
        do throws(DocumentError) { _ = try Recipe(document, folder: workingFolder()) } catch {
            throw Failure(Finding(error, code: .badRecipe, file: "--set"))
        }
        return document
    }

    /// The roundings of what will serve it.
    private static func numerics(_ target: Target?, _ isQuantised: Bool) -> String {
        switch (target?.device.kind, target?.device.fp8) {
        case (.ascend?, _): "910b-f16"
        case (.cuda?, .native?): isQuantised ? "h20-w8a8" : "bf16"
        case (.cuda?, .weightOnly?): isQuantised ? "a100-w8a16" : "bf16"
        default: "f32"
        }
    }

    /// The fewest devices, a power of two, whose weights leave room for a cache.
    private static func tensorRanks(_ bytes: Int, _ device: DeviceProfile) -> Int {
        guard let memory = device.usableMemory else { return 1 }
        var ranks = 1
        while ranks < 32, Double(bytes) / Double(ranks) > memory * 0x1p30 * weightShare { ranks *= 2 }
        return ranks
    }

    /// Of a device's memory what weights may take in a first proposal; `ingot shard plan` judges it.
    private static let weightShare = 0.75
}
