// Checkpoint folders made for one test and removed after it.

import Checkpoints
import Diagnostics
import Glibc
import Tensors

/// A folder of its own, removed with everything in it when the value goes.
final class TemporaryFolder {
    let path: String

    init() {
        let base = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        var template = Array("\(base)/ingot-checkpoint-XXXXXX".utf8CString)
        path = template.withUnsafeMutableBufferPointer { buffer in
            buffer.baseAddress.flatMap { mkdtemp($0) }.map { String(cString: $0) } ?? ""
        }
        precondition(!path.isEmpty, "no temporary folder")
    }

    deinit { Self.remove(path) }

    private static func remove(_ path: String) {
        if FileAccess.kind(path, followingLinks: false) == .folder {
            for name in (try? FileAccess.names(in: path)) ?? [] { remove(joined(path, name)) }
            rmdir(path)
        } else {
            unlink(path)
        }
    }

    func path(_ name: String) -> String { joined(path, name) }

    func write(_ name: String, _ bytes: [UInt8]) {
        let descriptor = open(joined(path, name), O_WRONLY | O_CREAT | O_TRUNC, 0o644)
        precondition(descriptor >= 0)
        var done = 0
        while done < bytes.count {
            done += bytes.withUnsafeBytes {
                Glibc.write(descriptor, $0.baseAddress.map { $0 + done }, bytes.count - done)
            }
        }
        close(descriptor)
    }

    func write(_ name: String, _ text: String) { write(name, Array(text.utf8)) }

    func makeFolder(_ name: String) { mkdir(joined(path, name), 0o755) }

    func link(_ name: String, to target: String) { symlink(target, joined(path, name)) }

    func remove(_ name: String) { Self.remove(joined(path, name)) }
}

/// A whole shard of U8 tensors, eight bytes each.
func wholeShard(_ names: [String]) -> [UInt8] {
    guard
        let written = try? ShardHeader.written(
            names.map { TensorDescription(name: $0, dtype: .u8, shape: [8]) })
    else { return [] }
    return written.bytes + [UInt8](repeating: 1, count: 8 * names.count)
}

/// A sound checkpoint of two shards, an index and two sidecars.
func soundCheckpoint() -> TemporaryFolder {
    let folder = TemporaryFolder()
    folder.write("model-00001-of-00002.safetensors", wholeShard(["a", "b"]))
    folder.write("model-00002-of-00002.safetensors", wholeShard(["c"]))
    folder.write("model.safetensors.index.json", indexText(["a": 1, "b": 1, "c": 2], size: 24))
    folder.write("config.json", "{}")
    folder.write("tokenizer.json", "{}")
    return folder
}

func indexText(_ map: [String: Int], size: Int? = nil, parameters: Int? = nil) -> String {
    CheckpointIndex(
        shards: [1, 2].map { "model-0000\($0)-of-00002.safetensors" },
        entries: map.sorted { $0.key < $1.key }.map { .init(tensor: $0.key, shard: $0.value - 1) },
        totalSize: size, totalParameters: parameters
    ).text
}

extension TemporaryFolder {
    /// Opens the folder; it stays until that is done.
    func opened() throws(Failure) -> Checkpoint {
        defer { withExtendedLifetime(self) {} }
        return try Checkpoint.open(path)
    }

    /// What opening the folder ends with, in order; empty when it opens.
    var openingFindings: [Finding] {
        do throws(Failure) {
            _ = try opened()
            return []
        } catch { return error.findings }
    }

    var openingCodes: [String] { openingFindings.map(\.code.name) }
}
